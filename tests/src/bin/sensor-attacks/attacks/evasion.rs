//! Ways not to be seen: no file, another name, traces removed, the sensor attacked.

use super::{Attack, User};

pub const ATTACKS: &[Attack] = &[
    Attack {
        name: "memfd-exec",
        technique: "T1620",
        user: User::Alice,
        script: r#"
python3 -c '
import os
fd = os.memfd_create("x"); os.write(fd, open("/bin/true", "rb").read()); os.execve("/proc/self/fd/%d" % fd, ["[kworker/0:1]"], {})'
"#,
    },
    Attack {
        name: "memfd-exec-perl",
        technique: "T1620",
        user: User::WebServer,
        script: r#"
perl -e '
my $fd = syscall(319, my $n = "a", 0); open(my $o, ">&=", $fd); open(my $i, "<", "/bin/id"); binmode $i; local $/; print {$o} scalar(<$i>); $o->flush; exec {"/proc/$$/fd/$fd"} "id"'
"#,
    },
    Attack {
        name: "deleted-binary",
        technique: "T1070.004",
        user: User::Root,
        script: r#"
cp /bin/sleep /var/tmp/upd && (/var/tmp/upd 3 & sleep 1; rm -f /var/tmp/upd; wait)
python3 -c '
import os
open("/tmp/gone", "wb").write(open("/bin/true", "rb").read()); os.chmod("/tmp/gone", 0o755)
fd = os.open("/tmp/gone", os.O_RDONLY); os.unlink("/tmp/gone"); os.execve(fd, ["gone"], {})'
"#,
    },
    Attack {
        name: "masquerade-kernel-thread",
        technique: "T1036.004",
        user: User::Alice,
        script: r#"
bash -c 'exec -a "[kworker/u8:2]" /bin/sleep 1'
"#,
    },
    Attack {
        name: "hidden-file-run",
        technique: "T1564.001",
        user: User::WebServer,
        script: r#"
mkdir -p /tmp/.X11 && cp /bin/true /tmp/.X11/.run && /tmp/.X11/.run
"#,
    },
    Attack {
        name: "history-cleared",
        technique: "T1070.003",
        user: User::Alice,
        script: r#"
bash -c 'history -c; rm -f ~/.bash_history; ln -sf /dev/null ~/.bash_history'
rm -f /home/alice/.bash_history
"#,
    },
    Attack {
        name: "logs-cleared",
        technique: "T1070.002",
        user: User::Root,
        script: r#"
touch /var/log/auth.log; rm -f /var/log/auth.log; truncate -s 0 /var/log/wtmp; shred -u /var/log/btmp
"#,
    },
    Attack {
        name: "timestomp",
        technique: "T1070.006",
        user: User::Root,
        script: r#"
cp /bin/true /usr/local/bin/t && touch -r /bin/ls /usr/local/bin/t; touch -t 201801010000 /usr/local/bin/t; rm /usr/local/bin/t
"#,
    },
    Attack {
        name: "loader-exec",
        technique: "T1574",
        user: User::Alice,
        script: r#"
cp /bin/id /home/alice/data.bin; chmod -x /home/alice/data.bin; /lib64/ld-linux-x86-64.so.2 /home/alice/data.bin
"#,
    },
    Attack {
        name: "agent-killed",
        technique: "T1562.001",
        user: User::Root,
        script: r#"
pkill -STOP -x sensord; killall -9 sensor-none; kill -0 $(pidof sensor)
systemctl stop sensor.servicex; pkill -0 -x sensor
"#,
    },
    Attack {
        name: "agent-traced",
        technique: "T1562.001",
        user: User::Root,
        script: r#"
timeout 3 strace -p $(pidof sensor) -o /dev/null
"#,
    },
    Attack {
        name: "firewall-off",
        technique: "T1562.004",
        user: User::Root,
        script: r#"
iptables -F; nft flush ruleset; ufw disable; systemctl stop firewalld
"#,
    },
    Attack {
        name: "selinux-off",
        technique: "T1562.001",
        user: User::Root,
        script: r#"
setenforce 0; systemctl stop apparmor; sh -c 'echo 0 > /sys/fs/selinux/enforce'
"#,
    },
    Attack {
        name: "immutable-file",
        technique: "T1222.002",
        user: User::Root,
        script: r#"
touch /root/backdoor; chattr +i /root/backdoor; chattr -i /root/backdoor; rm -f /root/backdoor
"#,
    },
    Attack {
        name: "bpf-program-loaded",
        technique: "T1014",
        user: User::Root,
        script: r#"
python3 -c '
import ctypes
code = bytes([0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0])
lines = ctypes.create_string_buffer(code); licence = ctypes.create_string_buffer(b"GPL")
class Attributes(ctypes.Structure):
    _fields_ = [("kind", ctypes.c_uint), ("count", ctypes.c_uint), ("lines", ctypes.c_void_p), ("licence", ctypes.c_void_p), ("rest", ctypes.c_ubyte * 100)]
a = Attributes(6, 2, ctypes.addressof(lines), ctypes.addressof(licence))
print(ctypes.CDLL(None).syscall(321, 5, ctypes.byref(a), 48))'
bpftool prog show >/dev/null
"#,
    },
    Attack {
        name: "interpreter-one-liner-eval",
        technique: "T1027",
        user: User::WebServer,
        script: r#"
perl -e 'eval pack("H*", "73797374656d2822696422293b")'
"#,
    },
    Attack {
        name: "staged-in-hidden-directory",
        technique: "T1074.001",
        user: User::Root,
        script: r#"
mkdir -p "/dev/shm/..." && tar czf "/dev/shm/.../a.tgz" /etc/ssh /etc/passwd && rm -rf "/dev/shm/..."
"#,
    },
];
