//! Uploads, against the answers of S3.
