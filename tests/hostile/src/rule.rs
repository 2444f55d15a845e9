//! The rules for requests, each with the file of its code.

macro_rules! rules {
    ($($file:literal { $($name:ident: $says:literal,)* })*) => {
        /// A rule: its text, and the file of its code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Rule {
            $($(
                #[doc = $says]
                $name,
            )*)*
        }

        impl Rule {
            /// All rules.
            pub const ALL: &'static [Self] = &[$($(Self::$name,)*)*];

            /// Returns the text.
            #[must_use]
            pub fn says(self) -> &'static str {
                match self { $($(Self::$name => $says,)*)* }
            }

            /// Returns the file of its code, below `shared/domain/src`.
            #[must_use]
            pub fn file(self) -> &'static str {
                match self { $($(Self::$name => $file,)*)* }
            }
        }
    };
}

rules! {
    "wire/json.rs" {
        BodySize: "a body has at most 4 MiB",
        Json: "a body is JSON by RFC 8259, in UTF-8",
        JsonEnd: "nothing is behind the JSON value",
        JsonDepth: "arrays and objects are nested less than 128 deep",
        JsonValues: "a body has at most 250,000 values",
        ByteLists: "only a file's content is a list of bytes",
        MixedLists: "a list that is not of bytes only counts as its values",
        EchoEscaped: "a field's name is repeated with its controls escaped",
        EchoShort: "a field's name is repeated up to 64 characters",
        EchoEmpty: "an empty field's name is shown as two quotes",
        ObjectType: "an object is where one is wanted",
        TextType: "a text is where one is wanted",
    }
    "wire/api.rs" {
        BodyObject: "an email is a JSON object",
        BodyArray: "a batch is a JSON array",
        BatchSize: "a batch has 1 to 500 emails",
        FieldOnce: "a field is given once",
        KnownField: "a field is one that is known",
        SupportedField: "a field is one that is acted on",
        AddressesType: "addresses are a text or an array",
        AddressType: "each address is a text",
        HeadersType: "headers are an object",
        TagsType: "tags are an array",
        TagKeyOnce: "a tag's key is given once",
        TagKeyKnown: "a tag has a name and a value only",
        TagWhole: "a tag has both",
        OnUncertain: "on_uncertain is resend or hold",
        Priority: "priority is high, normal or low",
        KeyLength: "an idempotency key has 1 to 256 characters",
        KeyControls: "an idempotency key has no control characters",
        Validation: "x-batch-validation is strict or permissive",
    }
    "queue.rs" {
        QueueName: "a queue's name is 1 to 64 of a-z, 0-9 and -",
    }
    "wire/times.rs" {
        TimeLength: "a time has at most 64 bytes",
        TimeGrammar: "a time is RFC 3339 or a wait of fixed length",
    }
    "wire/attachments.rs" {
        FilesType: "attachments are an array",
        FilesCount: "an email has at most 50 files",
        FileIdOnce: "a Content-ID is one file's",
        FileKeyOnce: "a file's key is given once",
        FileKeyKnown: "a file's key is one that is known",
        FileIdNames: "a file's Content-ID has one of two names",
        BytesType: "bytes are whole numbers from 0 to 255",
        ContentType: "a content is base64, or bytes",
        BufferForm: "an object as content is Node's Buffer",
        BufferKeyOnce: "a Buffer's key is given once",
        BatchUploads: "a batch uses at most 1,000 uploads",
        UploadSize: "an upload has at least one byte",
    }
    "address.rs" {
        MailboxControls: "no control character in an address with its name",
        NameQuotes: "an unquoted name has no special character",
        QuoteEnds: "a quote that begins ends",
        QuotedLocalBehind: "no @ behind a quoted text",
        BracketsWhole: "nothing is behind the closing bracket",
        BracketsOnce: "no bracket is in brackets",
        NameLength: "a name and its address fit into a line",
        AddressEmpty: "an address is not empty",
        AddressControls: "no control character in an address",
        Route: "no source route",
        LocalMissing: "something is before the @",
        QuotedLocal: "no quoted local part",
        Comment: "no comment",
        Brackets: "no bracket in an address alone",
        At: "an @ is there",
        IpLiteral: "no domain literal",
        Group: "no group",
        Several: "one address per text",
        AtOnce: "one @ only",
        Space: "no space in an address",
        LocalAscii: "a local part is ASCII",
        LocalLength: "a local part has at most 64 octets",
        LocalDotAtom: "a local part is a dot-atom",
        DomainEmpty: "a domain is not empty",
        DomainInput: "a domain is mapped if it is not too long for that",
        DomainLength: "a domain has at most 253 octets",
        TrailingDot: "no dot at a domain's end",
        Domain: "a domain is one by UTS #46 and STD3",
        DomainDot: "a domain has a dot",
        IpAddress: "the last label is not a number",
        AddressLength: "an address has at most 254 octets",
    }
    "email/draft.rs" {
        FromRequired: "from is there",
        ToRequired: "to is there",
        ToEmpty: "to is not empty",
        ListLength: "a list of addresses has at most 50",
        Recipients: "to, cc and bcc have at most 50 together",
        SubjectRequired: "subject is there",
        SubjectEmpty: "a subject is not blank",
        SubjectControls: "no control character in a subject",
        SubjectLength: "a subject fits into a line",
        ContentNul: "no NUL in html and text",
        ContentRequired: "html or text is there",
        ContentEmpty: "html and text are not both empty",
    }
    "email/header.rs" {
        HeadersCount: "an email has at most 14 headers",
        HeaderOnce: "a header is given once, in whatever case",
        HeaderNameEmpty: "a header's name is not empty",
        HeaderName: "a header's name is RFC 5322's ftext",
        HeaderNameLength: "a header's name has at most 126 characters",
        HeaderReplyTo: "Reply-To is the field reply_to",
        HeaderReserved: "no header that the queue or SES writes",
        HeaderReservedPrefix: "no header of a family that SES writes",
        HeaderEmpty: "a header's value is not blank",
        HeaderControls: "no control character in a header's value",
        HeaderLength: "a header's value has at most 870 characters as rendered",
    }
    "email/tag.rs" {
        TagsCount: "an email has at most 46 tags",
        TagGrammar: "a tag is of A-Z, a-z, 0-9, _ and -",
        TagReserved: "no tag of ours",
        TagOnce: "a tag's name is given once",
    }
    "attachment.rs" {
        FilePath: "nothing is fetched",
        FileNameRequired: "a file has a name",
        FileNameEmpty: "a file's name is not blank",
        FileNameControls: "no control character or line's end in a file's name",
        FileNameLength: "a file's name has at most 255 bytes",
        FileExtension: "no extension that SES refuses",
        MediaTypeLength: "a media type has at most 78 characters",
        MediaType: "a media type is one by RFC 6838",
        MediaParameters: "parameters are RFC 2045's",
        MediaMultipart: "no file is a multipart",
        ContentIdLength: "a Content-ID has at most 76 characters",
        ContentId: "a Content-ID is of dot-atoms",
        ContentOrId: "a file has a content or an id, not both",
        ContentOrIdThere: "a file has one of both",
        UploadId: "an upload's id is a UUID",
        Base64: "a content is base64, and nothing else",
        FileEmpty: "a file is not empty",
        FileSize: "a file fits into SES's 40 MB",
    }
    "admission.rs" {
        LocalEncoded: "no encoded word in an address",
        LocalRoute: "no % and no ! in a local part",
        NameHides: "no encoded word in a name hides a control character",
        NameMisleads: "nothing in a name turns it around or breaks its line",
        LineHides: "no encoded word in a subject or a header hides a control character",
        LineMisleads: "nothing in a subject or a header turns it around or breaks its line",
        HeaderMime: "no header of MIME's",
        HeaderTrace: "no header that signers and receivers write",
    }
    "admission/domain.rs" {
        MixedScripts: "a label's scripts are written together",
        LikeLatin: "no Cyrillic and no Greek beside Latin",
    }
    "admission/file.rs" {
        FileNamePath: "a file's name is no path",
        FileNameReorders: "nothing in a file's name turns it around",
        FileStream: "no forbidden extension before a colon",
        MediaElsewhere: "a type's content is not elsewhere",
        MediaName: "a type's parameters do not name the file",
        MediaOnce: "a type's parameter is given once",
    }
}
