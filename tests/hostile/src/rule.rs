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
    "api/source.rs" {
        PayloadSize: "a body with lists of bytes has less than 6 MB",
        Surrogates: "half a character becomes U+FFFD",
    }
    "api/json.rs" {
        BodySize: "a body has at most 4 MiB, with lists of bytes by their bytes",
        Json: "a body is JSON by RFC 8259, in UTF-8",
        JsonEnd: "no data after the JSON value",
        JsonDepth: "arrays and objects are nested less than 128 deep",
        JsonValues: "a body has at most 250,000 values",
        ByteLists: "only the content of a file may be a list of bytes",
        MixedLists: "a list with other values than bytes counts each value",
        EchoEscaped: "messages escape control characters in field names",
        EchoShort: "messages show at most 64 characters of a field name",
        EchoEmpty: "messages show an empty field name as two quotes",
        ObjectType: "a field of type object has an object",
        TextType: "a field of type string has a string",
    }
    "api/requests.rs" {
        BodyObject: "an email is a JSON object",
        BodyArray: "a batch is a JSON array",
        BatchSize: "a batch has 1 to 500 emails",
        FieldOnce: "a field is given once",
        KnownField: "a field is known",
        SupportedField: "a field is supported",
    }
    "api/fields.rs" {
        AddressesType: "addresses are a string or an array",
        AddressType: "each address is a string",
        HeadersType: "headers are an object or an array",
        AddressObject: "an address is no object",
        ContentNul: "NUL in html and text is dropped",
        TagsType: "tags are an array",
        TagKeyOnce: "a key of a tag is given once",
        TagKeyKnown: "a tag has only a name and a value",
        TagWhole: "a tag has both name and value",
    }
    "api/requests.rs" {
        OnUncertain: "on_uncertain is resend or hold",
        Tracking: "tracking is true or false",
    }
    "api/fields.rs" {
        Priority: "priority is high, normal or low",
    }
    "api/requests.rs" {
        KeyLength: "an idempotency key has 1 to 256 characters",
        KeyControls: "an idempotency key has no control characters",
        Validation: "x-batch-validation is strict or permissive",
    }
    "id.rs" {
        QueueName: "a queue name has 1 to 64 characters of a-z, 0-9 and -",
    }
    "api/headers.rs" {
        HeaderReplyTo: "Reply-To agrees with the field reply_to",
        HeaderReplyToOnce: "Reply-To is given once, ignoring case",
        HeaderFolding: "a line break in a header value is dropped only before a space or a tab",
        HeaderPairs: "a header of a list has a name and a value only",
    }
    "api/times.rs" {
        TimeLength: "a time has at most 64 bytes",
        TimeGrammar: "a time is RFC 3339, a wait of fixed length or a known phrase",
    }
    "api/attachments.rs" {
        FilesType: "attachments are an array",
        FilesCount: "an email has at most 50 files",
        FileKeyOnce: "a key of a file is given once",
        FileKeyKnown: "a key of a file is known",
        FileIdNames: "the two Content-ID fields of a file are equal",
        BytesType: "bytes are whole numbers from 0 to 255",
        ContentType: "content is base64 or bytes",
        BufferForm: "an object as content is a Buffer of Node.js",
        BufferKeyOnce: "a key of a Buffer is given once",
        BatchUploads: "a batch uses at most 1,000 uploads",
        UploadSize: "an upload has at least one byte",
    }
    "api/content_ids.rs" {
        ContentIdLength: "a Content-ID has at most 128 characters",
        FileIdOnce: "a Content-ID belongs to one file",
        ContentIdBlank: "a Content-ID is not blank",
        ContentId: "no control character in a Content-ID",
        ContentIdShort: "a Content-ID that is no dot-atom gets a short form",
    }
    "message/mailbox.rs" {
        MailboxControls: "no control character in an address with its name",
        NameQuotes: "an unquoted name has no quote and no backslash",
        NameAddress: "no part of an unquoted name is another address",
        NameUnescaped: "an unquoted name is checked again without escapes of HTML",
        QuoteEnds: "a quote is closed",
        BracketsWhole: "no text after the closing bracket",
        BracketsOnce: "no bracket in brackets",
        NameLength: "a name and its address fit into one line",
    }
    "message/address.rs" {
        AddressEmpty: "an address is not empty",
        AddressControls: "no control character in an address",
        Route: "no source route",
        LocalMissing: "a local part before the @",
        QuotedLocal: "quotes enclose a whole local part",
        Comment: "no comment",
        Brackets: "no bracket in an address without a name",
        At: "an address has an @",
        IpLiteral: "no domain literal",
        Group: "no group",
        Several: "one address per string",
        AtOnce: "only one @",
        Space: "no space in an address",
        LocalAscii: "a local part is ASCII",
        LocalLength: "a local part has at most 64 octets",
        LocalDotAtom: "a local part is a dot-atom",
        DomainEmpty: "a domain is not empty",
        DomainInput: "a domain is short enough to be mapped",
        DomainLength: "a domain has at most 253 octets",
        TrailingDot: "no dot at the end of a domain",
        Domain: "a domain is valid by UTS #46 and STD3",
        DomainDot: "a domain has a dot",
        IpAddress: "the last label is not a number",
        AddressLength: "an address has at most 254 octets",
    }
    "message/email/draft.rs" {
        FromRequired: "from is present",
        ToRequired: "to is present",
        ToEmpty: "to is not empty",
        ListLength: "a list has at most 50 addresses",
        Recipients: "to, cc and bcc have at most 50 addresses together",
        SubjectRequired: "subject is present",
        SubjectEmpty: "a subject is not blank",
        SubjectControls: "no control character in a subject, except spaces and line breaks at its ends",
        SubjectLength: "a subject fits into a line",
        ContentRequired: "html or text is present",
        ContentEmpty: "html and text are not both empty",
    }
    "message/email/header.rs" {
        HeadersCount: "an email has at most 14 headers",
        HeaderOnce: "a header is given once, ignoring case",
        HeaderNameEmpty: "a header name is not empty",
        HeaderName: "a header name is ftext by RFC 5322",
        HeaderNameLength: "a header name has at most 126 characters",
        HeaderReserved: "no header that mailqueue or SES writes, except five that are dropped",
        HeaderReservedPrefix: "no header of a family that SES writes",
        HeaderEmpty: "a header value is not blank",
        HeaderControls: "no control character in a header value",
        HeaderLength: "a rendered header value has at most 870 characters",
    }
    "message/email/structured.rs" {
        HeaderUris: "a header of URIs has its URIs in angle brackets and only ASCII around them",
        HeaderHost: "the host of a URI outside ASCII is a domain name",
        HeaderListId: "List-Id has its identifier in angle brackets",
        HeaderIds: "message ids in headers are ASCII",
        HeaderToken: "a header of words is ASCII",
        ReferencesLength: "References has at most 64 KiB before it is shortened",
    }
    "message/email/tag.rs" {
        TagsCount: "an email has at most 46 tags",
        TagGrammar: "a tag has only A-Z, a-z, 0-9, _ and -",
        TagReserved: "no reserved tag",
        TagOnce: "a tag name is given once",
    }
    "message/attachment/input.rs" {
        FilePath: "no URL is fetched",
        FileNameRequired: "a file has a name",
    }
    "message/attachment/file_name.rs" {
        FileNameEmpty: "a file name is not blank",
        FileNameControls: "no control character or line break in a file name",
        FileNameLength: "a file name has at most 255 bytes",
        FileExtension: "no extension that SES refuses",
    }
    "message/attachment/media_type.rs" {
        MediaTypeLength: "a media type has at most 78 characters",
        MediaType: "a media type is valid by RFC 6838",
        MediaParameters: "parameters are valid by RFC 2045",
        MediaMultipart: "no file has a multipart type",
    }
    "message/attachment/input.rs" {
        ContentOrId: "a file has content or an id, not both",
        ContentOrIdThere: "a file has content or an id",
        UploadId: "an upload's id is a UUID",
        Base64: "content is valid base64",
        Calendar: "only the text of a calendar with its type needs no base64",
        FileEmpty: "a file is not empty",
    }
    "message/attachment.rs" {
        FileSize: "a file fits into the 40 MB of SES",
    }
    "message/admission.rs" {
        LocalEncoded: "no encoded word in an address",
        LocalRoute: "no % and no ! in a local part",
        QuotedAddress: "no second address in the quotes of a local part",
        QuotedSender: "the quotes of a sender's local part hold dots and the characters of an atom",
        TestLabel: "the label of a test address fits into the simulator's address",
        ResendSender: "no sender at Resend's own domain",
        NameHides: "no encoded word in a name hides a control character",
        NameMisleads: "no character in a name reverses it or breaks its line",
        LineHides: "no encoded word in a subject or a header hides a control character",
        LineMisleads: "no character in a subject or a header reverses it or breaks its line",
        HeaderMime: "no MIME header",
        HeaderTrace: "no header that signers or receivers write",
        HeaderEncoded: "no encoded word in a header of URIs, message ids or words",
    }
    "message/admission/one_click.rs" {
        OneClickValue: "List-Unsubscribe-Post has the only value that RFC 8058 knows",
        OneClickUri: "List-Unsubscribe-Post needs one https URI in List-Unsubscribe, and no http URI",
    }
    "message/admission/domain.rs" {
        MixedScripts: "the scripts of a label belong together",
        LikeLatin: "no Cyrillic or Greek together with Latin",
    }
    "message/admission/file.rs" {
        FileNamePath: "a file name is not a path",
        FileNameReorders: "no character in a file name reverses it",
        FileStream: "no forbidden extension before a colon",
        MediaElsewhere: "a type does not refer to content elsewhere",
        MediaName: "the parameters of a type give the file no other name",
        MediaOnce: "a parameter of a type is given once",
    }
    "tenant/domains/name.rs" {
        SendingDomain: "the name of a sending domain is a domain",
        OwnDomain: "a sending domain is no public suffix",
        DomainDepth: "a sending domain has at most four labels before the registrable domain",
    }
    "api/domain_api.rs" {
        ReturnPath: "a return path is one label",
    }
    "api/webhook_api.rs" {
        EndpointForm: "an endpoint is printable ASCII without spaces",
        EndpointLength: "an endpoint has at most 2,048 bytes",
        EndpointPulled: "a webhook that is only pulled has no endpoint",
        EventKnown: "a wanted event has a known name",
        EventsCount: "a webhook asks for 1 to 64 events",
    }
    "webhook/secret.rs" {
        SigningSecret: "a signing secret is whsec_ and base64 of 24 to 64 bytes",
    }
    "api/access_api.rs" {
        CodeField: "an exchange has one code and nothing else",
        ConsoleCode: "a code of the console has 64 hexadecimal digits",
    }
    "api/preview.rs" {
        PreviewToken: "the token of a preview has 64 hexadecimal digits",
    }
}
