//! Command lines that hold secrets, the secrets, and what is left.

/// A command line.
pub(crate) struct Secret {
    pub(crate) argv: &'static [&'static str],
    /// Parts that nobody may read.
    pub(crate) secrets: &'static [&'static str],
    /// What is left, joined by blanks.
    pub(crate) left: &'static str,
}

const fn line(
    argv: &'static [&'static str],
    secrets: &'static [&'static str],
    left: &'static str,
) -> Secret {
    Secret { argv, secrets, left }
}

const JWT: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJlIn0.c2lnbmF0dXJl0123";

pub(crate) const SECRETS: &[Secret] = &[
    // A name and its value as two pairs, as containers have their variables.
    line(
        &["helm", "upgrade", "x", "--set", "env[0].name=TOKEN,env[0].value=hunter2"],
        &["hunter2"],
        "helm upgrade x --set env[0].name=TOKEN,env[0].value=***",
    ),
    line(
        &[
            "kubectl",
            "patch",
            "cronjob",
            "x",
            "-p",
            "{\"env\":[{\"name\":\"DB_PASSWORD\",\"value\":\"hunter2\"},{\"name\":\"MODE\",\"value\":\"prod\"}]}",
        ],
        &["hunter2"],
        "kubectl patch cronjob x -p {\"env\":[{\"name\":\"DB_PASSWORD\",\"value\":\"***\"},{\"name\":\"MODE\",\"value\":\"prod\"}]}",
    ),
    line(
        &[
            "kubectl",
            "patch",
            "cronjob",
            "x",
            "-p",
            "{\"env\": [{\"name\": \"DB_PASSWORD\", \"value\": \"hunter2\"}]}",
        ],
        &["hunter2"],
        "kubectl patch cronjob x -p {\"env\": [{\"name\": \"DB_PASSWORD\", \"value\": \"***\"}]}",
    ),
    // Names with a digit before a capital.
    line(
        &["velero", "install", "--backup-location-config", "region=r,s3AccessKey=hunter2,x=y"],
        &["hunter2"],
        "velero install --backup-location-config region=r,s3AccessKey=***,x=y",
    ),
    // What a shell makes a file or an input of.
    line(
        &["bash", "-c", "restic -p <(echo hunter2) backup /d"],
        &["hunter2"],
        "bash -c restic -p <(echo ***) backup /d",
    ),
    line(
        &["bash", "-c", "docker login -u bob --password-stdin <<< hunter2"],
        &["hunter2"],
        "bash -c docker login -u bob --password-stdin <<< ***",
    ),
    line(
        &["bash", "-c", "cryptsetup luksOpen /dev/sdb x <<<hunter2"],
        &["hunter2"],
        "bash -c cryptsetup luksOpen /dev/sdb x '<<<***'",
    ),
    // A program that is the end of a flag's value.
    line(
        &["ssh", "-oProxyCommand=sshpass -p hunter2 ssh j", "h"],
        &["hunter2"],
        "ssh -oProxyCommand=sshpass -p *** ssh j h",
    ),
    // Tokens by their shape, and behind their verbs.
    line(
        &["kubeadm", "token", "create", "abcdef.0123456789abcdef"],
        &["0123456789abcdef"],
        "kubeadm token create ***",
    ),
    line(&["vault", "token", "lookup", "hunter2"], &["hunter2"], "vault token lookup ***"),
    line(
        &["gcloud", "auth", "activate-refresh-token", "bob", "hunter2"],
        &["hunter2"],
        "gcloud auth activate-refresh-token bob ***",
    ),
    line(
        &["aws", "ssm", "put-parameter", "--name", "/db/x", "--value", "hunter2"],
        &["hunter2"],
        "aws ssm put-parameter --name /db/x --value ***",
    ),
    line(
        &["az", "keyvault", "secret", "set", "--name", "n", "--value", "hunter2"],
        &["hunter2"],
        "az keyvault secret set --name n --value ***",
    ),
    line(
        &["ipmitool", "user", "set", "password", "2", "hunter2"],
        &["hunter2"],
        "ipmitool user set password 2 ***",
    ),
    line(&["k3s", "server", "-t", "hunter2"], &["hunter2"], "k3s server -t ***"),
    line(&["doctl", "auth", "init", "-t", "hunter2"], &["hunter2"], "doctl auth init -t ***"),
    line(
        &["db2", "connect", "to", "x", "user", "bob", "using", "hunter2"],
        &["hunter2"],
        "db2 connect to x user bob using ***",
    ),
    // Arguments of calls.
    line(
        &["python3", "-c", "s.login('bob', 'hunter2')"],
        &["hunter2"],
        "python3 -c s.login('bob', '***')",
    ),
    line(
        &["php", "-r", "mysqli_connect(\"h\", \"bob\", \"hunter2\");"],
        &["hunter2"],
        "php -r mysqli_connect(\"h\", \"bob\", \"***\");",
    ),
    line(
        &["clickhouse-client", "-q", "SELECT * FROM s3('https://b/x','hunter3','hunter2')"],
        &["hunter2", "hunter3"],
        "clickhouse-client -q SELECT * FROM s3('https://b/x','***','***')",
    ),
    line(
        &["psql", "-c", "ALTER USER bob PASSWORD $$hunter2$$"],
        &["hunter2"],
        "psql -c ALTER USER bob PASSWORD $$***$$",
    ),
    // Words that only their program tells of.
    line(
        &["influx", "-password", "hunter2", "-execute", "x"],
        &["hunter2"],
        "influx -password *** -execute x",
    ),
    line(&["mongodump", "-password", "hunter2"], &["hunter2"], "mongodump -password ***"),
    line(&["redis-cli", "AUTH", "bob", "hunter2"], &["hunter2"], "redis-cli AUTH *** ***"),
    line(
        &["curl", "--data=user=a&pass=hunter2", "https://x"],
        &["hunter2"],
        "curl --data=user=a&pass=*** https://x",
    ),
    line(
        &["curl", "--data={\"password\":\"hunter2\"}", "https://x"],
        &["hunter2"],
        "curl --data={\"password\":\"***\"} https://x",
    ),
    line(
        &["psql", "-c", "ALTER USER bob PASSWORD 'hunter2'"],
        &["hunter2"],
        "psql -c ALTER USER bob PASSWORD '***'",
    ),
    line(
        &["mongosh", "--eval", "db.auth('bob','hunter2')"],
        &["hunter2"],
        "mongosh --eval db.auth('bob','***')",
    ),
    line(&["sshpass", "-vphunter2", "ssh", "h"], &["hunter2"], "sshpass -vp*** ssh h"),
    line(&["mysql", "-vphunter2", "db"], &["hunter2"], "mysql -vp*** db"),
    line(
        &["etcdctl", "put", "/config/db/x", "hunter2"],
        &["hunter2"],
        "etcdctl put /config/db/x ***",
    ),
    line(
        &["etcdctl", "user", "passwd", "--interactive=false", "app:hunter2"],
        &["hunter2"],
        "etcdctl user passwd --interactive=false app:***",
    ),
    line(&["app", "/password:hunter2"], &["hunter2"], "app /password:***"),
    line(&["mysqladmin", "password", "hunter2"], &["hunter2"], "mysqladmin password ***"),
    line(&["etcdctl", "user", "add", "a:hunter2"], &["hunter2"], "etcdctl user add a:***"),
    line(
        &["rclone", "config", "create", "n", "s3", "secret_access_key", "hunter2"],
        &["hunter2"],
        "rclone config create n s3 secret_access_key ***",
    ),
    line(&["vault", "kv", "put", "p", "k=hunter2"], &["hunter2"], "vault kv put p k=***"),
    line(&["rabbitmqctl", "add_user", "a", "hunter2"], &["hunter2"], "rabbitmqctl add_user a ***"),
    line(
        &["npm", "config", "set", "//r.example/:_authToken", "hunter2"],
        &["hunter2"],
        "npm config set //r.example/:_authToken ***",
    ),
    line(
        &["openssl", "aes-256-cbc", "-k", "hunter2", "-in", "f"],
        &["hunter2"],
        "openssl aes-256-cbc -k *** -in f",
    ),
    line(&["ssh-keygen", "-N", "hunter2", "-f", "k"], &["hunter2"], "ssh-keygen -N *** -f k"),
    line(
        &["keytool", "-storepass", "hunter2", "-list"],
        &["hunter2"],
        "keytool -storepass *** -list",
    ),
    line(&["consul", "agent", "-encrypt=hunter2"], &["hunter2"], "consul agent -encrypt=***"),
    line(
        &["iscsiadm", "-n", "node.session.auth.password", "-v", "hunter2"],
        &["hunter2"],
        "iscsiadm -n node.session.auth.password -v ***",
    ),
    line(
        &["git", "clone", "https://hunter2@github.com/a/b"],
        &["hunter2"],
        "git clone https://***@github.com/a/b",
    ),
    line(
        &["curl", "https://discord.com/api/webhooks/1/hunter2"],
        &["hunter2"],
        "curl https://discord.com/api/webhooks/***",
    ),
    line(
        &["java", "-Durl=jdbc:oracle:thin:bob/hunter2@h:1521/x"],
        &["hunter2"],
        "java -Durl=jdbc:***@h:1521/x",
    ),
    line(&["rclone", "--b2-key", "hunter2", "ls"], &["hunter2"], "rclone --b2-key *** ls"),
    line(
        &["mc", "alias", "set", "s3", "https://s3.example", "AKIAX", "hunter2"],
        &["hunter2", "AKIAX"],
        "mc alias set s3 https://s3.example *** ***",
    ),
    line(
        &["mc", "alias", "set", "--api", "S3v4", "s3", "https://s3.example", "AKIAX", "hunter2"],
        &["hunter2", "AKIAX"],
        "mc alias set --api S3v4 s3 *** *** ***",
    ),
    line(
        &["ctr", "images", "pull", "--user", "bob:hunter2", "docker.io/x:1"],
        &["hunter2"],
        "ctr images pull --user bob:*** docker.io/x:1",
    ),
    line(&["env", "GITHUB_PAT=hunter2", "git"], &["hunter2"], "env GITHUB_PAT=*** git"),
    line(&["app", "--auth", "hunter2"], &["hunter2"], "app --auth ***"),
    line(&["app", "--auth=hunter2"], &["hunter2"], "app --auth=***"),
    line(&["app", "--user", "root:hunter2"], &["hunter2"], "app --user root:***"),
    line(&["app", "--user=root:Hunter"], &["Hunter"], "app --user=root:***"),
    line(&["influx", "backup", "-t", "hunter2", "/b"], &["hunter2"], "influx backup -t *** /b"),
    line(
        &["htpasswd", "-bc", "/etc/passwords", "bob", "hunter2"],
        &["hunter2"],
        "htpasswd -bc /etc/passwords bob ***",
    ),
    line(&["consul", "kv", "put", "db/pw", "hunter2"], &["hunter2"], "consul kv put db/pw ***"),
    line(
        &["restic", "--password-command", "echo hunter2", "backup", "/d"],
        &["hunter2"],
        "restic --password-command echo *** backup /d",
    ),
    line(
        &["env", "RESTIC_PASSWORD_COMMAND=echo hunter2", "restic"],
        &["hunter2"],
        "env RESTIC_PASSWORD_COMMAND=echo *** restic",
    ),
    line(
        &["tar", "--use-compress-program=openssl enc -k hunter2", "-cf", "x.tar", "/d"],
        &["hunter2"],
        "tar --use-compress-program=openssl enc -k *** -cf x.tar /d",
    ),
    // Flags by name.
    line(&["app", "--password=hunter2"], &["hunter2"], "app --password=***"),
    line(&["app", "--password", "hunter2", "run"], &["hunter2"], "app --password *** run"),
    line(&["app", "-password=hunter2"], &["hunter2"], "app -password=***"),
    line(
        &["app", "--db-passwd", "hunter2 hunter3"],
        &["hunter2", "hunter3"],
        "app --db-passwd ***",
    ),
    line(&["app", "--password=a,b=hunter2;c"], &["hunter2", "a,b", ";c"], "app --password=***"),
    line(&["app", "--password", "/hunter2"], &["hunter2"], "app --password ***"),
    line(
        &["k3s", "server", "--token=hunter2secret", "--cluster-init"],
        &["hunter2"],
        "k3s server --token=*** --cluster-init",
    ),
    line(
        &["k3s server --token hunter2secret --data-dir /d"],
        &["hunter2"],
        "k3s server --token *** --data-dir /d",
    ),
    line(
        &["rke2", "server", "--agent-token", "hunter2secret"],
        &["hunter2"],
        "rke2 server --agent-token ***",
    ),
    line(
        &["kubeadm", "join", "10.0.0.1:6443", "--token", "abcdef.0123456789abcdef"],
        &["0123456789abcdef"],
        "kubeadm join 10.0.0.1:6443 --token ***",
    ),
    line(&["kubectl", "--token", JWT, "get", "pods"], &["eyJ"], "kubectl --token *** get pods"),
    line(
        &["etcdctl", "--user", "root:hunter2", "snapshot", "save", "/b/x.db"],
        &["hunter2"],
        "etcdctl --user root:*** snapshot save /b/x.db",
    ),
    line(
        &["etcdctl", "--user=root:hunter2", "get", "/"],
        &["hunter2"],
        "etcdctl --user=root:*** get /",
    ),
    line(
        &["etcdctl", "--user", "root", "--password", "hunter2", "defrag"],
        &["hunter2"],
        "etcdctl --user root --password *** defrag",
    ),
    line(
        &["java", "-Djavax.net.ssl.keyStorePassword=hunter2", "-jar", "x.jar"],
        &["hunter2"],
        "java -Djavax.net.ssl.keyStorePassword=*** -jar x.jar",
    ),
    line(
        &["az", "storage", "blob", "upload", "--account-key", "aGh1bnRlcjI0NTY3ODk="],
        &["aGh1bnRlcjI"],
        "az storage blob upload --account-key ***",
    ),
    line(
        &[
            "azcopy",
            "copy",
            "/x",
            "https://a.blob.core.windows.net/c?sv=2022&sig=hunter2%2Bx&se=2027",
        ],
        &["hunter2"],
        "azcopy copy /x https://a.blob.core.windows.net/c?sv=2022&sig=***&se=2027",
    ),
    line(
        &["s3cmd", "--access_key=AKIAIOSFODNN7EXAMPLE", "--secret_key=wJalrXUtnFEMIK7MDENG"],
        &["AKIA", "wJal"],
        "s3cmd --access_key=*** --secret_key=***",
    ),
    line(&["tool", "--private-key=MIIEvQIBADANBgkqhkiG9w0"], &["MIIE"], "tool --private-key=***"),
    line(&["tool", "--api-key", "hunter2key"], &["hunter2"], "tool --api-key ***"),
    line(&["tool", "--key=c29tZXRoaW5nLXNlY3JldDE="], &["c29t"], "tool --key=***"),
    line(
        &["redis-server", "--requirepass", "hunter2"],
        &["hunter2"],
        "redis-server --requirepass ***",
    ),
    line(
        &["velero", "install", "--client-secret=hunter2", "--plugins", "x"],
        &["hunter2"],
        "velero install --client-secret=*** --plugins x",
    ),
    line(
        &["skopeo", "copy", "--src-creds", "robot:hunter2", "docker://a", "dir:b"],
        &["hunter2"],
        "skopeo copy --src-creds *** docker://a dir:b",
    ),
    line(
        &["gpg", "--batch", "--passphrase", "hunter2", "-c", "f"],
        &["hunter2"],
        "gpg --batch --passphrase *** -c f",
    ),
    line(
        &[
            "az",
            "x",
            "--connection-string",
            "DefaultEndpointsProtocol=https;AccountName=n;AccountKey=hunter2==;EndpointSuffix=core",
        ],
        &["hunter2"],
        "az x --connection-string ***",
    ),
    // Programs with letters of their own.
    line(
        &["mysqldump", "-u", "root", "-phunter2", "--all-databases"],
        &["hunter2"],
        "mysqldump -u root -p*** --all-databases",
    ),
    line(
        &["/usr/bin/mysql", "-uroot", "-phunter2", "-h", "db"],
        &["hunter2"],
        "/usr/bin/mysql -uroot -p*** -h db",
    ),
    line(&["mariadb-dump", "-phunter2", "x"], &["hunter2"], "mariadb-dump -p*** x"),
    line(
        &["nice", "-n", "19", "mysqldump", "-phunter2", "x"],
        &["hunter2"],
        "nice -n 19 mysqldump -p*** x",
    ),
    line(
        &["sshpass", "-p", "hunter2", "ssh", "-p", "22", "host"],
        &["hunter2"],
        "sshpass -p *** ssh -p 22 host",
    ),
    line(
        &["sshpass", "-phunter2", "rsync", "-a", "/x", "h:/y"],
        &["hunter2"],
        "sshpass -p*** rsync -a /x h:/y",
    ),
    line(
        &["7z", "a", "-phunter2", "-mhe=on", "x.7z", "/data"],
        &["hunter2"],
        "7z a -p*** -mhe=on x.7z /data",
    ),
    line(
        &["zip", "-r", "-P", "hunter2", "x.zip", "/data"],
        &["hunter2"],
        "zip -r -P *** x.zip /data",
    ),
    line(
        &["ldapsearch", "-x", "-D", "cn=admin", "-w", "hunter2", "-b", "dc=x"],
        &["hunter2"],
        "ldapsearch -x -D cn=admin -w *** -b dc=x",
    ),
    line(
        &["redis-cli", "-a", "hunter2", "--rdb", "/b/dump.rdb"],
        &["hunter2"],
        "redis-cli -a *** --rdb /b/dump.rdb",
    ),
    line(
        &["redis-cli", "CONFIG", "SET", "requirepass", "hunter2"],
        &["hunter2"],
        "redis-cli CONFIG SET requirepass ***",
    ),
    line(
        &["curl", "-u", "admin:hunter2", "https://h/x"],
        &["hunter2"],
        "curl -u admin:*** https://h/x",
    ),
    line(
        &["curl", "-sSu", "admin:hunter2", "https://h/x"],
        &["hunter2"],
        "curl -sSu admin:*** https://h/x",
    ),
    line(&["curl", "-uadmin:hunter2", "https://h/x"], &["hunter2"], "curl -uadmin:*** https://h/x"),
    line(
        &["curl", "--user=admin:hunter2", "https://h/x"],
        &["hunter2"],
        "curl --user=admin:*** https://h/x",
    ),
    line(
        &["wget", "--user=x", "--password=hunter2", "https://h"],
        &["hunter2"],
        "wget --user=x --password=*** https://h",
    ),
    line(
        &["smbclient", "//h/share", "-U", "user%hunter2"],
        &["hunter2"],
        "smbclient //h/share -U user%***",
    ),
    line(
        &["docker", "login", "-u", "x", "-p", "hunter2", "reg"],
        &["hunter2"],
        "docker login -u x -p *** reg",
    ),
    line(&["vault", "login", "hvs.hunter2"], &["hunter2"], "vault login ***"),
    line(
        &["openssl", "enc", "-aes-256-cbc", "-pass", "pass:hunter2", "-in", "x"],
        &["hunter2"],
        "openssl enc -aes-256-cbc -pass *** -in x",
    ),
    line(
        &["mongodump", "-u", "x", "-p", "hunter2", "--out", "/b"],
        &["hunter2"],
        "mongodump -u x -p *** --out /b",
    ),
    line(&["sqlplus", "-s", "scott/hunter2@orcl"], &["hunter2"], "sqlplus -s scott/***@orcl"),
    line(
        &["snmpget", "-v2c", "-c", "hunter2", "10.0.0.1", "sysName"],
        &["hunter2"],
        "snmpget -v2c -c *** 10.0.0.1 sysName",
    ),
    line(
        &["aws", "configure", "set", "aws_secret_access_key", "hunter2hunter2"],
        &["hunter2"],
        "aws configure set aws_secret_access_key ***",
    ),
    line(
        &["kubectl", "create", "secret", "generic", "x", "--from-literal=anything=hunter2"],
        &["hunter2"],
        "kubectl create secret generic x --from-literal=anything=***",
    ),
    line(&["rclone", "obscure", "hunter2"], &["hunter2"], "rclone obscure ***"),
    line(
        &["mount.cifs", "//h/s", "/mnt", "-o", "username=u,password=hunter2,uid=0"],
        &["hunter2"],
        "mount.cifs //h/s /mnt -o username=u,password=***,uid=0",
    ),
    // URLs.
    line(
        &["git", "clone", "https://user:hunter2@host/r.git"],
        &["hunter2"],
        "git clone https://user:***@host/r.git",
    ),
    line(
        &["k3s", "server", "--datastore-endpoint=mysql://k:hunter2@tcp(10.0.0.2:3306)/kine"],
        &["hunter2"],
        "k3s server --datastore-endpoint=mysql://k:***@tcp(10.0.0.2:3306)/kine",
    ),
    line(
        &["pg_dump", "postgres://u:hun/ter2@db/x"],
        &["hun/", "ter2"],
        "pg_dump postgres://u:***@db/x",
    ),
    line(
        &["pg_dump", "--dbname=postgresql://u:hun@ter2@db:5432/x?sslmode=require"],
        &["hun@", "ter2"],
        "pg_dump --dbname=postgresql://u:***@db:5432/x?sslmode=require",
    ),
    line(
        &["psql", "host=db user=u password=hunter2 dbname=x"],
        &["hunter2"],
        "psql host=db user=u password=*** dbname=x",
    ),
    line(
        &["restic", "-r", "rest:https://u:hunter2@h:8000/r", "backup", "/x"],
        &["hunter2"],
        "restic -r rest:https://u:***@h:8000/r backup /x",
    ),
    line(
        &["redis-cli", "-u", "redis://:hunter2@h:6379/0"],
        &["hunter2"],
        "redis-cli -u redis://:***@h:6379/0",
    ),
    line(
        &["etcd", "--initial-cluster=a=https://10.0.0.1:2380,b=https://u:hunter2@10.0.0.2:2380"],
        &["hunter2"],
        "etcd --initial-cluster=a=https://10.0.0.1:2380,b=https://u:***@10.0.0.2:2380",
    ),
    line(
        &["app", "root:hunter2@tcp(10.0.0.1:3306)/x"],
        &["hunter2"],
        "app root:***@tcp(10.0.0.1:3306)/x",
    ),
    line(
        &["curl", "https://h/x?password=hunter2&y=1"],
        &["hunter2"],
        "curl https://h/x?password=***&y=1",
    ),
    line(
        &["curl", "https://s3/x?X-Amz-Expires=900&X-Amz-Signature=hunter2ab&X-Amz-Date=1"],
        &["hunter2"],
        "curl https://s3/x?X-Amz-Expires=900&X-Amz-Signature=***&X-Amz-Date=1",
    ),
    line(
        &["curl", "https://hooks.slack.com/services/T000/B000/hunter2"],
        &["hunter2"],
        "curl https://hooks.slack.com/services/***",
    ),
    // Headers and bodies.
    line(
        &["curl", "-H", "Authorization: Bearer hunter2", "https://h"],
        &["hunter2"],
        "curl -H Authorization: Bearer *** https://h",
    ),
    line(
        &["curl", "-HAuthorization: Basic aHVudGVyMjo=", "https://h"],
        &["aHVu"],
        "curl -HAuthorization: Basic *** https://h",
    ),
    line(
        &["curl", "-H", "X-Vault-Token: hunter2", "https://h"],
        &["hunter2"],
        "curl -H X-Vault-Token: *** https://h",
    ),
    line(
        &["curl", "-H", "Cookie: a=hunter2; b=hunter3", "https://h"],
        &["hunter2", "hunter3"],
        "curl -H Cookie: *** https://h",
    ),
    line(
        &["wget", "--header=Authorization: token hunter2", "https://h"],
        &["hunter2"],
        "wget --header=Authorization: token *** https://h",
    ),
    line(
        &["grpcurl", "-H", "Authorization:", "Bearer", "hunter2"],
        &["hunter2"],
        "grpcurl -H Authorization: Bearer ***",
    ),
    line(
        &["curl", "-d", "{\"user\":\"u\",\"password\":\"hunter2\"}", "https://h"],
        &["hunter2"],
        "curl -d {\"user\":\"u\",\"password\":\"***\"} https://h",
    ),
    line(
        &["curl", "-d", "grant_type=x&client_secret=hunter2&scope=y"],
        &["hunter2"],
        "curl -d grant_type=x&client_secret=***&scope=y",
    ),
    // Variables.
    line(
        &["env", "PGPASSWORD=hunter2", "pg_dump", "x"],
        &["hunter2"],
        "env PGPASSWORD=*** pg_dump x",
    ),
    line(
        &["env", "ETCDCTL_USER=root:hunter2", "etcdctl", "snapshot", "save", "/b"],
        &["hunter2"],
        "env ETCDCTL_USER=root:*** etcdctl snapshot save /b",
    ),
    line(
        &["docker", "run", "-e", "MYSQL_ROOT_PASSWORD=hunter2", "-p", "80:80", "mysql:8"],
        &["hunter2"],
        "docker run -e MYSQL_ROOT_PASSWORD=*** -p 80:80 mysql:8",
    ),
    line(
        &["env", "RESTIC_PASSWORD=hunter2", "restic", "backup", "/x"],
        &["hunter2"],
        "env RESTIC_PASSWORD=*** restic backup /x",
    ),
    line(
        &["helm", "upgrade", "x", "--set", "db.user=u,db.rootPassword=hunter2,image.tag=1"],
        &["hunter2"],
        "helm upgrade x --set db.user=u,db.rootPassword=***,image.tag=1",
    ),
    line(
        &["sh", "-c", "export AWS_SECRET_ACCESS_KEY='hunter2 x'; aws s3 cp /b s3://b"],
        &["hunter2"],
        "sh -c export AWS_SECRET_ACCESS_KEY=***; aws s3 cp /b s3://b",
    ),
    line(
        &["sh", "-c", "echo hunter2 | docker login --password-stdin reg"],
        &["hunter2"],
        "sh -c echo *** | docker login --password-stdin reg",
    ),
    line(
        &["sh", "-c", "mysqldump -p\"hunter2\" x | gzip > /b/x.gz; ssh -p22 host"],
        &["hunter2"],
        "sh -c mysqldump -p*** x | gzip > /b/x.gz; ssh -p22 host",
    ),
    line(
        &["bash", "-c", "su - x -c \"curl -u 'a:hunter2' https://h\" && sync"],
        &["hunter2"],
        "bash -c su - x -c \"curl -u 'a:***' https://h\" && sync",
    ),
    line(
        &["sh", "-c", "PASSWORD=${PASSWORD:-hunter2} run"],
        &["hunter2"],
        "sh -c PASSWORD=*** run",
    ),
    line(
        &["/bin/sh", "-ec", "PGPASSWORD=hunter2 pg_dump x > /b/x.sql"],
        &["hunter2"],
        "/bin/sh -ec PGPASSWORD=*** pg_dump x > /b/x.sql",
    ),
    line(
        &["sh", "-c", "ETCDCTL_PASSWORD=hunter2 etcdctl --user root snapshot save /b"],
        &["hunter2"],
        "sh -c ETCDCTL_PASSWORD=*** etcdctl --user root snapshot save /b",
    ),
    line(
        &["env", "PASSWORD=hunter2 hunter3", "run"],
        &["hunter2", "hunter3"],
        "env PASSWORD=*** run",
    ),
    line(
        &["sqlcmd", "-C", "Server=h;User Id=sa;Pwd=hunter2;Encrypt=yes"],
        &["hunter2"],
        "sqlcmd -C Server=h;User Id=sa;Pwd=***;Encrypt=yes",
    ),
    // By shape.
    line(
        &["app", "-----BEGIN RSA PRIVATE KEY-----\nMIIEhunter2\n-----END RSA PRIVATE KEY-----"],
        &["hunter2"],
        "app -----BEGIN RSA PRIVATE KEY-----***-----END RSA PRIVATE KEY-----",
    ),
    line(&["app", "x", "ghp_0123456789abcdefABCDEF0123456789abcd"], &["0123456789"], "app x ***"),
    line(&["app", "xoxb-123456789012-hunter2abc"], &["hunter2"], "app ***"),
    line(&["app", "AKIAIOSFODNN7EXAMPLE"], &["AKIA"], "app ***"),
    line(&["app", JWT], &["eyJ"], "app ***"),
    line(
        &["git", "clone", "https://ghp_0123456789abcdefABCDEF0123456789abcd@github.com/x"],
        &["0123456789"],
        "git clone https://***@github.com/x",
    ),
];
