//! Which names have secret values: of flags, variables, headers, query parameters, keys of JSON.
//!
//! The table is made from the flags and variables of what runs beside an etcd: kube-apiserver, k3s and rke2 (`--token`,
//! `--datastore-endpoint`), etcd and etcdctl, restic, borg, duplicity, rclone, the clouds' tools (`AWS_*`, `AZURE_*`,
//! `--account-key`, `--sas-token`), databases and their backups, curl and wget, docker and skopeo (`--creds`), vault.

/// What a name says of its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Nothing.
    Plain,
    /// It is hidden, also when it looks like a path.
    Password,
    /// It is hidden; a path of a file that holds it is not.
    Token,
    /// It is hidden, but for a folder.
    Folder,
    /// It is hidden, but for the name of a way to log in: `--auth basic`, `--auth hunter2`.
    Login,
    /// It is hidden when it looks like a secret: `--key` is a file for etcdctl, a sort order for `sort`.
    Maybe,
    /// `user:password`.
    Pair,
}

/// Names that mean something else than their words say.
const EXCEPTIONS: [(&str, Class); 21] = [
    // etcd: an id that keeps clusters apart ("etcd-cluster-1").
    ("initial cluster token", Class::Plain),
    ("etcd initial cluster token", Class::Plain),
    // kubeadm: the hash of a public key.
    ("discovery token ca cert hash", Class::Plain),
    // kubectl, kubelet: names of objects.
    ("image pull secret", Class::Plain),
    ("image pull secrets", Class::Plain),
    ("pull secret", Class::Plain),
    // kube-apiserver: whether there are such tokens at all.
    ("enable bootstrap token auth", Class::Plain),
    ("authentication token webhook", Class::Plain),
    // A folder, mostly; in a connection string a password.
    ("pwd", Class::Folder),
    ("oldpwd", Class::Plain),
    ("pass through", Class::Plain),
    // AWS, vault: ids that count as half of a pair.
    ("access key id", Class::Token),
    ("aws access key id", Class::Token),
    ("awsaccess key id", Class::Token),
    ("secret id", Class::Token),
    ("vault secret id", Class::Token),
    ("pin value", Class::Password),
    ("etcdctl user", Class::Pair),
    // libcurl's option of that name.
    ("userpwd", Class::Pair),
    ("proxy user", Class::Pair),
    ("connection string", Class::Token),
];

/// Words that make a password of a name.
const PASSWORDS: [&str; 16] = [
    "pass",
    "pin",
    "storepass",
    "keypass",
    "srcstorepass",
    "pwd",
    "pw",
    "passin",
    "passout",
    "pword",
    "requirepass",
    "masterauth",
    "userpass",
    "dbpass",
    "bindpw",
    "rootpw",
];

/// Words that make a secret of a name.
const TOKENS: [&str; 28] = [
    // A personal access token: `GITHUB_PAT`.
    "pat",
    "token",
    "tokens",
    "secret",
    "secrets",
    "credential",
    "credentials",
    "cred",
    "creds",
    "bearer",
    "cookie",
    "cookies",
    "psk",
    "otp",
    "sas",
    "sig",
    "signature",
    "apikey",
    "accesskey",
    "secretkey",
    "privatekey",
    "authkey",
    "accountkey",
    "authorization",
    "connstr",
    "sharedkey",
    "encryptionkey",
    "masterkey",
];

/// Words that make a secret of a following `key`. Not `public`, `partition`, `sort`, `cache`.
const KEYS: [&str; 37] = [
    "libsodium",
    "azureblob",
    "b2",
    "swift",
    "sse",
    "certificate",
    "api",
    "access",
    "secret",
    "private",
    "encryption",
    "encrypt",
    "decryption",
    "account",
    "master",
    "signing",
    "sign",
    "shared",
    "storage",
    "subscription",
    "auth",
    "session",
    "service",
    "deploy",
    "webhook",
    "wrapping",
    "unseal",
    "recovery",
    "seal",
    "hmac",
    "aes",
    "cipher",
    "crypt",
    "function",
    "integration",
    "ingestion",
    "license",
];

/// Last words that say it is about the secret, not the secret: `--token-ttl`, `--password-file`.
const ABOUT: [&str; 104] = [
    "address",
    "addr",
    "age",
    "agent",
    "alg",
    "algorithm",
    "algorithms",
    "attempts",
    "audience",
    "audiences",
    "backend",
    "bucket",
    "burst",
    "ca",
    "cache",
    "cert",
    "class",
    "client",
    "cmd",
    "command",
    "config",
    "conf",
    "count",
    "dir",
    "directory",
    "disabled",
    "driver",
    "duration",
    "enable",
    "enabled",
    "encoder",
    "encoding",
    "endpoint",
    "engine",
    "env",
    "expiration",
    "expires",
    "expiry",
    "fd",
    "field",
    "file",
    "filename",
    "files",
    "folder",
    "format",
    "helper",
    "hint",
    "host",
    "id",
    "info",
    "interval",
    "issuer",
    "kind",
    "len",
    "length",
    "lifetime",
    "limit",
    "limits",
    "list",
    "location",
    "logfile",
    "manager",
    "max",
    "min",
    "mode",
    "name",
    "names",
    "namespace",
    "number",
    "path",
    "paths",
    "pattern",
    "period",
    "plugin",
    "policy",
    "port",
    "prompt",
    "provider",
    "rate",
    "ref",
    "refs",
    "regex",
    "required",
    "review",
    "rotation",
    "scope",
    "scopes",
    "second",
    "seconds",
    "selector",
    "server",
    "size",
    "sock",
    "socket",
    "stdin",
    "store",
    "strength",
    "template",
    "timeout",
    "ttl",
    "type",
    "url",
    "uri",
    "validity",
];

/// First words of a flag that takes no value, or one that is none: `--no-password`, `--ask-pass`.
const SWITCHES: [&str; 15] = [
    "allow", "ask", "disable", "enable", "has", "is", "no", "prompt", "require", "show", "skip",
    "store", "use", "with", "without",
];

/// Longest name that is looked at, bytes.
const LONGEST: usize = 128;

/// What a name says of its value. Dashes, dots, underscores and capitals part its words.
pub(super) fn class(name: &str) -> Class {
    if name.is_empty() || name.len() > LONGEST {
        return Class::Plain;
    }
    let split = split(name);
    let all: Vec<&str> = split.split(' ').filter(|word| !word.is_empty()).collect();
    let joined = all.join(" ");
    if let Some((_, class)) = EXCEPTIONS.iter().find(|(known, _)| *known == joined) {
        return *class;
    }
    let (Some(first), Some(last)) = (all.first(), all.last()) else { return Class::Plain };
    let is_about = ABOUT.contains(last) || (all.len() > 1 && SWITCHES.contains(first));
    if is_about && !all.ends_with(&["access", "key", "id"]) {
        return Class::Plain;
    }
    let of_words = all.iter().map(|word| of_word(word)).find(|class| *class != Class::Plain);
    let is_key = |pair: &[&str]| KEYS.contains(&pair[0]) && matches!(pair[1], "key" | "keys");
    // `--sse-c-key`: with a key of the customer's.
    let is_customers = all.ends_with(&["sse", "c", "key"]);
    let of_words =
        of_words.or_else(|| (is_customers || all.windows(2).any(is_key)).then_some(Class::Token));
    of_words.unwrap_or_else(|| {
        let may_be = matches!(*last, "key" | "keys" | "jwt" | "code" | "dsn" | "data")
            && !all.iter().any(|word| matches!(*word, "public" | "cache" | "partition" | "sort"));
        match *last {
            "auth" => Class::Login,
            _ if may_be => Class::Maybe,
            _ => Class::Plain,
        }
    })
}

/// Whether the value is a command that prints a secret: `--password-command`, `RESTIC_PASSWORD_COMMAND`.
pub(super) fn prints_a_secret(name: &str) -> bool {
    let begin = ["command", "cmd"].iter().find_map(|end| {
        let at = name.len().checked_sub(end.len())?;
        (name.is_char_boundary(at) && name[at..].eq_ignore_ascii_case(end)).then(|| &name[..at])
    });
    begin.is_some_and(|begin| matches!(class(begin), Class::Password | Class::Token))
}

fn of_word(word: &str) -> Class {
    let ends = |ends: &[&str]| ends.iter().any(|end| word.ends_with(end));
    if ends(&["file", "path", "dir", "command", "cmd", "prompt"]) {
        return Class::Plain;
    }
    let has = |part| word.contains(part);
    if PASSWORDS.contains(&word) || has("password") || has("passwd") || has("passphrase") {
        return Class::Password;
    }
    // `mytoken`, `clientsecret`, `sshpass`; but `askpass` is a program, and `compass`, `bypass` are words.
    if matches!(word, "sshpass" | "mypass" | "rootpass" | "ldappass" | "smbpass" | "adminpass") {
        return Class::Password;
    }
    if TOKENS.contains(&word) || ends(&["token", "secret"]) {
        return Class::Token;
    }
    Class::Plain
}

/// Small letters, words parted by blanks: `AWSAccessKeyId`, `aws_access_key_id` and `aws-access-key-id` are the same but for
/// the first.
fn split(name: &str) -> String {
    let bytes = name.as_bytes();
    let mut out = String::with_capacity(name.len() + 8);
    for (at, &byte) in bytes.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| bytes.get(at)).copied().unwrap_or(b'-');
        let after = bytes.get(at + 1).copied().unwrap_or(b'-');
        let begins = byte.is_ascii_uppercase()
            && (before.is_ascii_lowercase()
                // `s3AccessKey`
                || (before.is_ascii_digit() && after.is_ascii_lowercase())
                || (before.is_ascii_uppercase() && after.is_ascii_lowercase()));
        if begins {
            out.push(' ');
        }
        let is_part = byte.is_ascii_alphanumeric();
        out.push(if is_part { char::from(byte.to_ascii_lowercase()) } else { ' ' });
    }
    out
}
