//! Ordinary use of a host: what its owners, their programs and their customers do all day.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::victim;

/// Something ordinary, done again and again.
struct Chore {
    /// Its name.
    name: &'static str,
    /// Rounds between two times.
    every: u64,
    /// Who does it.
    user: &'static str,
    /// What a shell is told to do.
    script: &'static str,
}

const CHORES: &[Chore] = &[
    Chore {
        name: "customers of the web server",
        every: 1,
        user: "bob",
        script: "for n in 1 2 3 4 5 6 7 8; do curl -s -o /dev/null http://127.0.0.1:8081/page.php; done",
    },
    Chore {
        name: "an application asks the database",
        every: 1,
        user: "postgres",
        script: "for n in 1 2 3; do psql -q -c 'CREATE TABLE IF NOT EXISTS orders (n int); \
                 INSERT INTO orders SELECT generate_series(1, 100); SELECT count(*) FROM orders;' \
                 > /dev/null; done",
    },
    Chore {
        name: "a cache is asked",
        every: 2,
        user: "bob",
        script: "redis-cli set page 1 > /dev/null; redis-cli get page > /dev/null; redis-cli info > /dev/null",
    },
    Chore {
        name: "monitoring",
        every: 1,
        user: "root",
        script: "uptime; df -h; free -m; ps -eo pid,rss,comm | head; ss -s; cat /proc/loadavg; \
                 systemctl is-active apache2 ssh; curl -s -o /dev/null http://127.0.0.1:8081/cgi-bin/",
    },
    Chore {
        name: "a session by ssh",
        every: 3,
        user: "alice",
        script: "ssh -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
                 alice@127.0.0.1 'ls -la; git --version; vi --version; cd /tmp && touch notes && rm notes; \
                 ps ux; tail -n 5 /etc/hosts; python3 -c \"print(1)\"; sudo -n systemctl status apache2 | head -3'",
    },
    Chore {
        name: "an administrator",
        every: 5,
        user: "alice",
        script: "sudo -n ls /root; sudo -n journalctl -n 20 > /dev/null; sudo -n systemctl reload apache2; \
                 sudo -n cat /etc/ssh/sshd_config > /dev/null; sudo -n -u bob id; sudo -n su - bob -c 'id; crontab -l'",
    },
    Chore {
        name: "a program is built",
        every: 4,
        user: "bob",
        script: "mkdir -p ~/build && cd ~/build && printf 'int main(void) { return 0; }\\n' > main.c && \
                 printf 'all: main\\nmain: main.c\\n\\ttcc -o main main.c\\nclean:\\n\\trm -f main\\n' > Makefile && \
                 make clean all && ./main; python3 -m compileall -q /usr/lib/python3/dist-packages; tar czf build.tgz main.c Makefile",
    },
    Chore {
        name: "a package is installed",
        every: 6,
        user: "root",
        script: "rm -rf /var/cache/p && mkdir -p /var/cache/p/DEBIAN /var/cache/p/usr/share/p && echo 1 > /var/cache/p/usr/share/p/file && \
                 printf 'Package: hello-p\\nVersion: 1\\nArchitecture: all\\nMaintainer: a <a@b>\\nDescription: p\\n' > /var/cache/p/DEBIAN/control && \
                 printf '#!/bin/sh\\nset -e\\nldconfig\\nsystemctl daemon-reload\\n' > /var/cache/p/DEBIAN/postinst && chmod 755 /var/cache/p/DEBIAN/postinst && \
                 dpkg-deb --build /var/cache/p /var/cache/p.deb && dpkg -i /var/cache/p.deb && apt-get check && dpkg --purge hello-p && apt-cache policy",
    },
    Chore {
        name: "containers come and go",
        every: 2,
        user: "root",
        script: "/run/attack/in-container plain 'date; ls / > /dev/null; id; sleep 1; wget --help'",
    },
    Chore {
        name: "logs are rotated",
        every: 7,
        user: "root",
        script: "mkdir -p /var/log/app && echo line >> /var/log/app/app.log && mv /var/log/app/app.log /var/log/app/app.log.1 && \
                 gzip -f /var/log/app/app.log.1 && find /var/log/app -name '*.gz' -mtime +7 -delete; systemctl kill -s HUP rsyslog; \
                 systemd-tmpfiles --clean; journalctl --vacuum-time=1d",
    },
    Chore {
        name: "a backup",
        every: 9,
        user: "root",
        script: "tar czf /var/backups/etc.tgz /etc 2>/dev/null; setpriv --reuid=postgres --regid=postgres --init-groups pg_dump > /var/backups/db.sql; \
                 sha256sum /var/backups/* > /dev/null; rm -f /var/backups/etc.tgz",
    },
    Chore {
        name: "a service is deployed",
        every: 8,
        user: "root",
        script: "mkdir -p /srv/app && printf '#!/bin/sh\\necho started\\nexec sleep 5\\n' > /srv/app/run.new && chmod 755 /srv/app/run.new && mv /srv/app/run.new /srv/app/run && \
                 printf '[Service]\\nUser=bob\\nExecStart=/srv/app/run\\n' > /run/systemd/system/app.service && systemctl daemon-reload && systemctl restart app && sleep 1 && systemctl stop app",
    },
    Chore {
        name: "a script of data",
        every: 3,
        user: "bob",
        script: "python3 -c 'import json, subprocess, tempfile; subprocess.run([\"sort\", \"/etc/passwd\"], stdout=subprocess.DEVNULL); json.dumps(list(range(1000)))'; \
                 perl -ne 'print if /root/' /etc/passwd; awk -F: '{ print $1 }' /etc/passwd | sort | uniq -c > /dev/null; seq 1000 | xargs -n 50 echo > /dev/null",
    },
    Chore {
        name: "a fetched file",
        every: 5,
        user: "bob",
        script: "curl -s -o ~/data.json http://203.0.113.5:8000/data.json; wget -q -O ~/data2.json http://203.0.113.5:8000/other.json; rm -f ~/data*.json",
    },
];

/// What cron does meanwhile.
const CRONTAB: &str = "* * * * * root test -x /usr/sbin/anacron || run-parts --report /etc/cron.hourly\n\
    * * * * * bob sh -c 'date >> /home/bob/cron.log; find /home/bob -name core -delete'\n\
    */2 * * * * root curl -s -o /dev/null http://203.0.113.5:8000/heartbeat\n";

/// Uses the host for so long; how long it was.
pub fn use_host(time: Duration) -> Result<Duration> {
    victim::write("/etc/cron.d/ordinary", CRONTAB, 0o644)?;
    victim::succeed("systemctl", &["restart", "cron"])?;
    let begun = Instant::now();
    let mut round = 0;
    let mut failed = Vec::new();
    while begun.elapsed() < time {
        for chore in CHORES.iter().filter(|chore| round % chore.every == 0) {
            let status = Command::new("setpriv")
                .arg(format!("--reuid={}", chore.user))
                .arg(format!("--regid={}", chore.user))
                .args(["--init-groups", "--reset-env", "timeout", "120", "sh", "-c"])
                .arg(format!("cd; {}", chore.script))
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .context("cannot start a chore")?;
            if !status.success() && !failed.contains(&chore.name) {
                failed.push(chore.name);
            }
        }
        round += 1;
    }
    // Some of their commands may not be there; that is ordinary too.
    for name in failed {
        eprintln!("did not succeed at least once: {name}");
    }
    fs::remove_file("/etc/cron.d/ordinary")?;
    eprintln!("{round} rounds of ordinary use");
    Ok(begun.elapsed())
}
