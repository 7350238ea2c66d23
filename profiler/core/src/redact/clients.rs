//! Programs with flags of their own for secrets, mostly of one letter.
//!
//! Each row names the page of the manual that has the flags.

use crate::argv::base_name;

/// How a program is given a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// `-pVALUE` only: alone it asks.
    Glued(&'static str),
    /// `-w VALUE` or `-wVALUE`.
    Either(&'static str),
    /// The same, once this word was there: `docker login -p VALUE`, but `docker run -p 80:80`.
    Within(&'static str, &'static str),
    /// `-u USER:VALUE`, with this between them; also `--user=…`.
    Pair(&'static str, char),
    /// The word after this word.
    After(&'static str),
    /// `USER:VALUE` as the word after this word.
    PairAfter(&'static str, char),
    /// A word whose name is a secret's, and then the secret: `config create n s3 secret_access_key VALUE`.
    Names,
    /// All words behind this one but for so many: `alias set NAME URL KEY SECRET`.
    Behind(&'static str, u8),
    /// The last word, where a flag with this letter was there: `htpasswd -b FILE USER VALUE`.
    LastWith(char),
    /// `USER/VALUE@PLACE` as a word.
    Oracle,
    /// This flag takes no value here.
    Switch(&'static str),
}

use Rule::{
    After, Behind, Either, Glued, LastWith, Names, Oracle, Pair, PairAfter, Switch, Within,
};

type Row = (&'static [&'static str], &'static [Rule]);

const TABLE: [Row; 57] = [
    // mysql(1), mysqldump(1), mariadb(1), xtrabackup
    (
        &[
            "mysql",
            "mysqldump",
            "mysqladmin",
            "mysqlcheck",
            "mysqlimport",
            "mysqlshow",
            "mysqlslap",
            "mysqlbinlog",
            "mysqlpump",
            "mysqlsh",
            "mysqld_safe",
            "mariadb",
            "mariadb-dump",
            "mariadb-admin",
            "mariadb-check",
            "mariadb-import",
            "mariadb-show",
            "mariadb-slap",
            "mariadb-binlog",
            "mariadb-backup",
            "mariabackup",
            "xtrabackup",
            "innobackupex",
        ],
        &[Glued("-p"), After("password")],
    ),
    // mydumper(1), myloader(1), mongo's tools
    (
        &[
            "mydumper",
            "myloader",
            "mongo",
            "mongosh",
            "mongodump",
            "mongorestore",
            "mongoexport",
            "mongoimport",
            "mongostat",
            "mongotop",
            "mongofiles",
        ],
        &[Either("-p")],
    ),
    // psql(1), pg_dump(1): `-W`, `--password` ask
    (
        &[
            "psql",
            "pg_dump",
            "pg_dumpall",
            "pg_restore",
            "pg_basebackup",
            "pg_receivewal",
            "pg_isready",
            "createdb",
            "dropdb",
            "vacuumdb",
            "reindexdb",
            "pg_rewind",
        ],
        &[Switch("--password")],
    ),
    // sshpass(1), and whom it starts: their port
    (&["sshpass"], &[Either("-p")]),
    (&["ssh", "scp", "sftp", "rsync", "ssh-copy-id"], &[Switch("-p")]),
    // 7z(1), rar(1), unrar(1)
    (&["7z", "7za", "7zr", "7zz", "rar", "unrar"], &[Glued("-p"), Glued("-hp")]),
    // zip(1), unzip(1)
    (&["zip", "unzip", "zipcloak", "funzip"], &[Either("-P")]),
    // ldapsearch(1) and its family
    (
        &[
            "ldapsearch",
            "ldapadd",
            "ldapmodify",
            "ldapdelete",
            "ldapwhoami",
            "ldapcompare",
            "ldapmodrdn",
            "ldapexop",
            "kadmin",
            "kadmin.local",
        ],
        &[Either("-w")],
    ),
    (&["ldappasswd"], &[Either("-w"), Either("-s"), Either("-a")]),
    // redis-cli --help
    (
        &["redis-cli", "redis-benchmark", "valkey-cli", "valkey-benchmark", "keydb-cli"],
        &[
            Either("-a"),
            Behind("AUTH", 0),
            Behind("auth", 0),
            Behind("SETUSER", 1),
            Behind("setuser", 1),
            After("requirepass"),
            After("masterauth"),
        ],
    ),
    // redis.conf as flags
    (
        &["redis-server", "valkey-server", "redis-sentinel"],
        &[After("--requirepass"), After("--masterauth")],
    ),
    // curl(1)
    (
        &["curl"],
        &[
            Pair("-u", ':'),
            Pair("--user", ':'),
            Pair("-U", ':'),
            Pair("--proxy-user", ':'),
            Pair("-E", ':'),
            Pair("--cert", ':'),
            Pair("--tlsuser", ':'),
            After("--oauth2-bearer"),
            // A file of cookies has no `=`.
            Pair("-b", '='),
        ],
    ),
    // http(1) of httpie
    (&["http", "https", "xh", "xhs"], &[Pair("-a", ':'), Pair("--auth", ':')]),
    // etcdctl, etcdutl, the benchmark of etcd
    (
        &["etcdctl", "etcdutl", "benchmark", "etcd-dump-db"],
        &[
            Pair("--user", ':'),
            Pair("-user", ':'),
            Pair("-u", ':'),
            PairAfter("add", ':'),
            PairAfter("passwd", ':'),
        ],
    ),
    // What is kept in an etcd is its owner's.
    (&["etcdctl"], &[Behind("put", 1)]),
    // smbclient(1), net(8), rpcclient(1)
    (
        &["smbclient", "smbget", "smbtar", "rpcclient", "net", "smbcacls", "smbtree", "nmblookup"],
        &[Pair("-U", '%'), Pair("--user", '%'), Behind("smbclient", 1)],
    ),
    // sqlcmd, bcp, tsql, isql of FreeTDS
    (&["sqlcmd", "bcp", "tsql", "osql"], &[Either("-P")]),
    // sqlplus and its family
    (&["sqlplus", "sqlldr", "exp", "imp", "expdp", "impdp", "rman", "sqlcl"], &[Oracle]),
    // docker login, podman login, helm registry login, az login
    (
        &[
            "docker", "podman", "nerdctl", "buildah", "skopeo", "crane", "helm", "oras", "regctl",
            "az", "oc", "argocd",
        ],
        &[Within("login", "-p")],
    ),
    // vault(1)
    (
        &["vault", "bao"],
        &[
            After("login"),
            After("unseal"),
            After("lookup"),
            After("renew"),
            After("revoke"),
            After("capabilities"),
            Behind("put", 1),
            Behind("write", 1),
        ],
    ),
    // openssl-enc(1), openssl-passphrase-options(1)
    (
        &["openssl"],
        &[
            // Its flags are words behind one dash (`-keyout`), so no value stands right behind a letter.
            After("-k"),
            After("-K"),
            Behind("passwd", 0),
            After("-hmac"),
            After("-macopt"),
            After("-mackey"),
            After("-pass"),
            After("-passin"),
            After("-passout"),
            After("-password"),
        ],
    ),
    // ipmitool(1)
    (
        &["ipmitool", "ipmipower", "ipmi-sensors"],
        &[Either("-P"), Either("-k"), Either("-y"), Behind("password", 1)],
    ),
    // snmpcmd(1)
    (
        &["snmpget", "snmpwalk", "snmpbulkwalk", "snmpset", "snmpgetnext", "snmptable", "snmptrap"],
        &[Either("-c"), Either("-A"), Either("-X")],
    ),
    // lftp(1), ncftp(1)
    (&["lftp", "open"], &[Pair("-u", ','), Pair("--user", ',')]),
    (&["ncftp", "ncftpget", "ncftpput", "ncftpls", "rdesktop"], &[Either("-p")]),
    // pkcs11-tool(1), softhsm2-util(1)
    (
        &["pkcs11-tool", "pkcs15-tool", "softhsm2-util", "yubico-piv-tool"],
        &[After("--pin"), After("--so-pin"), After("--new-pin"), Either("-p")],
    ),
    // ffmpeg(1), curl's like: nothing secret in `-pass 1`
    (&["ffmpeg", "avconv"], &[Switch("-pass")]),
    // rclone obscure
    (&["rclone"], &[After("obscure"), Names]),
    // nmcli(1), npm-config(1), `aws configure set`
    (&["nmcli", "npm", "yarn", "pnpm", "aws"], &[Names]),
    // `aws ssm put-parameter`, `az keyvault secret set`, `gcloud auth activate-refresh-token ACCOUNT TOKEN`
    (&["aws"], &[Within("put-parameter", "--value"), Within("put-secret-value", "--value")]),
    (&["az"], &[Within("keyvault", "--value"), Within("appconfig", "--value")]),
    (&["gcloud"], &[Behind("activate-refresh-token", 1)]),
    // k3s(1), rke2(1): `-t TOKEN`
    (&["k3s", "rke2"], &[Within("server", "-t"), Within("agent", "-t"), Within("token", "-t")]),
    // doctl(1), b2(1)
    (&["doctl"], &[After("-t"), After("--access-token")]),
    (&["b2"], &[Behind("authorize-account", 0), Behind("authorize", 0)]),
    // db2 connect to DB user NAME using VALUE
    (&["db2"], &[After("using")]),
    // isql(1) of unixODBC: `DSN USER VALUE`; that of FreeTDS has `-P`
    (&["isql", "iusql"], &[Behind("isql", 2), Either("-P")]),
    // sendemail(1)
    (&["sendemail", "sendEmail"], &[After("-xp")]),
    // mosquitto_pub(1)
    (&["mosquitto_pub", "mosquitto_sub"], &[Either("-P")]),
    // cqlsh, clickhouse-client has --password
    (&["cqlsh"], &[Either("-p")]),
    // influx(1): `backup -t TOKEN`
    (&["influx", "influxd"], &[After("-p"), After("-t"), After("--token")]),
    // mc(1) of MinIO: `alias set NAME URL KEY SECRET`, `admin user add NAME KEY SECRET`
    (&["mc", "mcli", "minio-client"], &[Behind("set", 2), Behind("add", 2)]),
    // consul(1): `kv put KEY VALUE`
    (&["consul", "nomad", "serf"], &[Behind("put", 1), Either("-encrypt"), Either("--encrypt")]),
    // ctr(8) of containerd
    (&["ctr", "nerdctl", "crictl"], &[Pair("--user", ':'), Pair("-u", ':'), Pair("--creds", ':')]),
    // htpasswd(1)
    (&["htpasswd"], &[LastWith('b')]),
    // rabbitmqadmin(1), rabbitmqctl(8)
    (&["rabbitmqadmin"], &[Either("-p")]),
    (
        &["rabbitmqctl"],
        &[Behind("add_user", 1), Behind("change_password", 1), Behind("authenticate_user", 1)],
    ),
    // wpa_passphrase(8), chpasswd(8), wg(8)
    (&["wpa_passphrase"], &[Behind("wpa_passphrase", 1)]),
    (&["chpasswd"], &[PairAfter("chpasswd", ':')]),
    (&["wg"], &[Names]),
    // ssh-keygen(1)
    (&["ssh-keygen"], &[Either("-N"), Either("-P")]),
    // useradd(8), usermod(8), twine, kopia, `swift` of OpenStack
    (&["useradd", "usermod", "twine", "kopia"], &[Either("-p")]),
    (&["swift"], &[Either("-K")]),
    // ncat(1)
    (&["ncat"], &[Pair("--proxy-auth", ':')]),
    // iscsiadm(8): `-n node.session.auth.password -v VALUE`
    (&["iscsiadm"], &[Either("-v"), Either("--value")]),
    // xfreerdp(1)
    (&["xfreerdp", "xfreerdp3", "wlfreerdp"], &[Glued("/p:")]),
    // winexe, pth
    (&["winexe", "wmic"], &[Pair("-U", '%')]),
];

/// Programs whose `-c` has a script.
const SHELLS: [&str; 10] =
    ["sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "busybox", "su", "runuser"];

/// The program that a word may name, also as the value of a flag: `--use-compress-program=openssl`, `-oProxyCommand=sshpass`.
fn program(word: &str) -> &str {
    let value = word.strip_prefix('-').and_then(|flag| flag.rsplit_once('='));
    base_name(value.map_or(word, |(_, value)| value))
}

/// The programs that a command named so far.
#[derive(Debug, Default)]
pub(super) struct Clients {
    rules: Vec<&'static [Rule]>,
    /// Words that rules wait for, and that were there.
    seen: Vec<&'static str>,
    /// How many words may still pass before all others are secrets.
    behind: Option<u8>,
    /// Letters of the flags that were there.
    letters: String,
    /// Whether one of them is a shell.
    pub(super) has_shell: bool,
}

impl Clients {
    /// Takes in a word: a program of the table, or a word that its rules wait for.
    pub(super) fn meet(&mut self, word: &str) {
        let (is_flag, base) = (word.starts_with('-'), program(word));
        if is_flag && !word.starts_with("--") {
            self.letters.push_str(word);
        } else if !is_flag {
            self.behind = self.behind.map(|left| left.saturating_sub(1));
        }
        self.has_shell |= SHELLS.contains(&base);
        for (names, rules) in &TABLE {
            if names.contains(&base) && !self.rules.contains(rules) {
                self.rules.push(rules);
            }
        }
        for rule in self.rules.iter().copied().flatten() {
            if let Within(waited, _) = rule
                && *waited == word
                && !self.seen.contains(waited)
            {
                self.seen.push(waited);
            }
            if let Behind(begin, passing) = rule
                && *begin == word
                && self.behind.is_none()
            {
                self.behind = Some(*passing);
            }
        }
    }

    /// Whether every word but flags is a secret from here on.
    pub(super) fn hides_words(&self) -> bool {
        self.behind == Some(0)
    }

    /// Whether the last word of the command is a secret.
    pub(super) fn hides_last(&self) -> bool {
        let is_given = |rule| matches!(rule, LastWith(letter) if self.letters.contains(letter));
        self.rules().any(is_given)
    }

    /// The rules that hold now, those of the program named last first.
    pub(super) fn rules(&self) -> impl Iterator<Item = Rule> {
        self.rules.iter().rev().copied().flatten().filter_map(|rule| match rule {
            Within(waited, flag) => self.seen.contains(waited).then_some(Either(flag)),
            rule => Some(*rule),
        })
    }
}
