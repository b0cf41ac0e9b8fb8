//! Paths as runtimes and systemd make them, and what they say.

use super::super::*;

/// What a path is expected to say; `$A`, `$B`, `$U`, `$V` and `$M` stand for ids.
struct Case {
    path: &'static str,
    /// Runtime and id.
    container: Option<(&'static str, &'static str)>,
    pod: Option<&'static str>,
    /// The unit, the slice and the user's unit.
    systemd: [&'static str; 3],
    shape: Shape,
}

pub(super) const A: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const B: &str = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";
/// A pod's uid, and how a slice's name has it.
const U: &str = "2c48913c-b29f-11e7-9350-020968147796";
const V: &str = "2c48913c_b29f_11e7_9350_020968147796";
/// A static pod's uid, or a task of ECS.
const M: &str = "a9ef6f0a3a7b5f6f0c4b8e0b3d1f2e4c";

pub(super) fn filled(text: &str) -> String {
    [("$A", A), ("$B", B), ("$U", U), ("$V", V), ("$M", M)]
        .iter()
        .fold(text.to_owned(), |text, (name, value)| {
            text.replace(name, value)
        })
}

/// A path that is understood.
const fn case(
    path: &'static str,
    container: Option<(&'static str, &'static str)>,
    pod: Option<&'static str>,
    systemd: [&'static str; 3],
) -> Case {
    Case {
        path,
        container,
        pod,
        systemd,
        shape: Shape::Known,
    }
}

/// A path that may be a container's.
const fn unclear(path: &'static str, systemd: [&'static str; 3]) -> Case {
    Case {
        shape: Shape::Unknown,
        ..case(path, None, None, systemd)
    }
}

const NO: [&str; 3] = ["", "", ""];
const DOCKER: Option<(&str, &str)> = Some(("docker", "$A"));
const CONTAINERD: Option<(&str, &str)> = Some(("containerd", "$A"));
const CRIO: Option<(&str, &str)> = Some(("cri-o", "$A"));
const PODMAN: Option<(&str, &str)> = Some(("podman", "$A"));
const SOME: Option<(&str, &str)> = Some(("", "$A"));

const CASES: &[Case] = &[
    // No container.
    case("/", None, None, NO),
    case("/init.scope", None, None, ["init.scope", "", ""]),
    case(
        "/system.slice/sshd.service",
        None,
        None,
        ["sshd.service", "system.slice", ""],
    ),
    case(
        "/system.slice/system-getty.slice/getty@tty1.service",
        None,
        None,
        ["getty@tty1.service", "system-getty.slice", ""],
    ),
    case(
        "/system.slice/docker.socket",
        None,
        None,
        ["docker.socket", "system.slice", ""],
    ),
    case(
        "/system.slice/var-lib-docker.mount",
        None,
        None,
        ["var-lib-docker.mount", "system.slice", ""],
    ),
    case(
        "/system.slice/dev-sda2.swap",
        None,
        None,
        ["dev-sda2.swap", "system.slice", ""],
    ),
    case(
        "/system.slice/dbus-org\\x2dx.service",
        None,
        None,
        ["dbus-org\\x2dx.service", "system.slice", ""],
    ),
    case(
        "/user.slice/user-1000.slice/session-3.scope",
        None,
        None,
        ["session-3.scope", "user-1000.slice", ""],
    ),
    case(
        "/user.slice/user-1000.slice/user@1000.service/app.slice/foo.service",
        None,
        None,
        ["user@1000.service", "user-1000.slice", "foo.service"],
    ),
    case(
        "/user.slice/user-1000.slice/user@1000.service/init.scope",
        None,
        None,
        ["user@1000.service", "user-1000.slice", "init.scope"],
    ),
    case(
        "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope",
        None,
        None,
        ["machine-qemu\\x2d1\\x2dvm.scope", "machine.slice", ""],
    ),
    unclear(
        "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope/libvirt/emulator",
        ["machine-qemu\\x2d1\\x2dvm.scope", "machine.slice", ""],
    ),
    unclear(
        "/system.slice/slurmstepd.scope/job_1/step_0",
        ["slurmstepd.scope", "system.slice", ""],
    ),
    case(
        "/../../system.slice/cron.service",
        None,
        None,
        ["cron.service", "system.slice", ""],
    ),
    // Names of the user's choice.
    unclear("/default/c-ctr", NO),
    unclear("/c-runc", NO),
    unclear("/system.slice/c-crun", ["", "system.slice", ""]),
    unclear(
        "/user.slice/user-0.slice/session-1.scope/c-runc",
        ["session-1.scope", "user-0.slice", ""],
    ),
    // Docker.
    case("/docker/$A", DOCKER, None, NO),
    // A name that anybody may choose; what `/proc` shows of a removed cgroup is not looked at.
    unclear("/docker/$A (deleted)", NO),
    case("/../../docker/$A", DOCKER, None, NO),
    case(
        "/system.slice/docker-$A.scope",
        DOCKER,
        None,
        ["docker-$A.scope", "system.slice", ""],
    ),
    case(
        "/system.slice/docker-$A.scope/system.slice/nginx.service",
        DOCKER,
        None,
        ["docker-$A.scope", "system.slice", ""],
    ),
    case(
        "/system.slice/docker-$A.scope/init",
        DOCKER,
        None,
        ["docker-$A.scope", "system.slice", ""],
    ),
    case("/docker/$B/docker/$A", DOCKER, None, NO),
    case("/docker/$A/docker", DOCKER, None, NO),
    case(
        "/docker/$A/system.slice/containerd.service",
        DOCKER,
        None,
        NO,
    ),
    case(
        "/system.slice/docker-$B.scope/docker/$A",
        DOCKER,
        None,
        ["docker-$B.scope", "system.slice", ""],
    ),
    case(
        "/user.slice/user-1000.slice/user@1000.service/user.slice/docker-$A.scope",
        DOCKER,
        None,
        ["user@1000.service", "user-1000.slice", "docker-$A.scope"],
    ),
    case(
        "/user.slice/user-1000.slice/user@1000.service/app.slice/docker.service",
        None,
        None,
        ["user@1000.service", "user-1000.slice", "docker.service"],
    ),
    case("/mygroup/$A", SOME, None, NO),
    case(
        "/system.slice/system.slice:docker:$A",
        DOCKER,
        None,
        ["", "system.slice", ""],
    ),
    // containerd and nerdctl.
    case("/default/$A", CONTAINERD, None, NO),
    case("/k8s.io/$A", CONTAINERD, None, NO),
    case("/moby/$A", DOCKER, None, NO),
    case(
        "/system.slice/nerdctl-$A.scope",
        CONTAINERD,
        None,
        ["nerdctl-$A.scope", "system.slice", ""],
    ),
    case(
        "/system.slice/containerd.service/kubepods-burstable-pod$V.slice:cri-containerd:$A",
        CONTAINERD,
        Some("$U"),
        ["containerd.service", "system.slice", ""],
    ),
    case(
        "/system.slice/k3s.service",
        None,
        None,
        ["k3s.service", "system.slice", ""],
    ),
    // Kubernetes.
    case("/kubepods", None, None, NO),
    case("/kubepods/burstable", None, None, NO),
    case("/kubepods/burstable/pod$U", None, Some("$U"), NO),
    case("/kubepods/burstable/pod$U/$A", SOME, Some("$U"), NO),
    case("/kubepods/pod$U/$A", SOME, Some("$U"), NO),
    case("/kubepods/besteffort/pod$M/$A", SOME, Some("$M"), NO),
    case(
        "/kubelet/kubepods/besteffort/pod$U/$A",
        SOME,
        Some("$U"),
        NO,
    ),
    case("/kubepods/besteffort/pod$U/crio-$A", CRIO, Some("$U"), NO),
    case(
        "/kubepods/besteffort/pod$U/crio-conmon-$A",
        None,
        Some("$U"),
        NO,
    ),
    case(
        "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod$V.slice/cri-containerd-$A.scope",
        CONTAINERD,
        Some("$U"),
        [
            "cri-containerd-$A.scope",
            "kubepods-burstable-pod$V.slice",
            "",
        ],
    ),
    case(
        "/kubepods.slice/kubepods-pod$V.slice/docker-$A.scope",
        DOCKER,
        Some("$U"),
        ["docker-$A.scope", "kubepods-pod$V.slice", ""],
    ),
    case(
        "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod$M.slice/crio-$A.scope/container",
        CRIO,
        Some("$M"),
        ["crio-$A.scope", "kubepods-besteffort-pod$M.slice", ""],
    ),
    case(
        "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod$V.slice/crio-conmon-$A.scope",
        None,
        Some("$U"),
        [
            "crio-conmon-$A.scope",
            "kubepods-besteffort-pod$V.slice",
            "",
        ],
    ),
    case(
        "/kubepods.slice/kubepods-pod$V.slice",
        None,
        Some("$U"),
        ["", "kubepods-pod$V.slice", ""],
    ),
    case(
        "/docker/$B/kubelet/kubepods/burstable/pod$U/$A",
        SOME,
        Some("$U"),
        NO,
    ),
    case(
        "/system.slice/docker-$B.scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod$V.slice/cri-containerd-$A.scope",
        CONTAINERD,
        Some("$U"),
        ["docker-$B.scope", "system.slice", ""],
    ),
    case(
        "/kubepods/burstable/pod$U/$B/docker/$A",
        DOCKER,
        Some("$U"),
        NO,
    ),
    unclear("/kubepods/burstable/podium", NO),
    unclear("/elsewhere/pod$U", NO),
    // CRI-O and Podman.
    case(
        "/system.slice/crio-conmon-$A.scope",
        None,
        None,
        ["crio-conmon-$A.scope", "system.slice", ""],
    ),
    case(
        "/machine.slice/libpod-$A.scope",
        PODMAN,
        None,
        ["libpod-$A.scope", "machine.slice", ""],
    ),
    case(
        "/machine.slice/libpod-$A.scope/container",
        PODMAN,
        None,
        ["libpod-$A.scope", "machine.slice", ""],
    ),
    case(
        "/machine.slice/libpod-$A.scope/container/system.slice/httpd.service",
        PODMAN,
        None,
        ["libpod-$A.scope", "machine.slice", ""],
    ),
    case(
        "/machine.slice/libpod-conmon-$A.scope",
        None,
        None,
        ["libpod-conmon-$A.scope", "machine.slice", ""],
    ),
    case(
        "/machine.slice/machine-libpod_pod_$B.slice/libpod-$A.scope",
        PODMAN,
        None,
        ["libpod-$A.scope", "machine-libpod_pod_$B.slice", ""],
    ),
    case(
        "/machine.slice/libpod-pod_$B.slice/libpod-$A.scope",
        PODMAN,
        None,
        ["libpod-$A.scope", "libpod-pod_$B.slice", ""],
    ),
    case("/libpod_parent/libpod-$A", PODMAN, None, NO),
    case("/libpod_parent/conmon", None, None, NO),
    case("/libpod_parent/libpod-conmon-$A", None, None, NO),
    case(
        "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-$A.scope/container",
        PODMAN,
        None,
        ["user@1000.service", "user-1000.slice", "libpod-$A.scope"],
    ),
    case(
        "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-conmon-$A.scope",
        None,
        None,
        [
            "user@1000.service",
            "user-1000.slice",
            "libpod-conmon-$A.scope",
        ],
    ),
    case(
        "/user.slice/user-1000.slice/user@1000.service/user.slice/podman-4711.scope",
        None,
        None,
        ["user@1000.service", "user-1000.slice", "podman-4711.scope"],
    ),
    case(
        "/system.slice/web.service/libpod-payload-$A",
        PODMAN,
        None,
        ["web.service", "system.slice", ""],
    ),
    // A health check runs on the host.
    case(
        "/system.slice/$A.service",
        None,
        None,
        ["$A.service", "system.slice", ""],
    ),
    case(
        "/system.slice/$A-5f3c0a1b.service",
        None,
        None,
        ["$A-5f3c0a1b.service", "system.slice", ""],
    ),
    // systemd-nspawn.
    case(
        "/machine.slice/machine-fedora\\x2dtree.scope/payload/system.slice/x.service",
        Some(("systemd-nspawn", "fedora-tree")),
        None,
        ["machine-fedora\\x2dtree.scope", "machine.slice", ""],
    ),
    case(
        "/machine.slice/systemd-nspawn@web.service/payload",
        Some(("systemd-nspawn", "web")),
        None,
        ["systemd-nspawn@web.service", "machine.slice", ""],
    ),
    case(
        "/machine.slice/systemd-nspawn@web.service/supervisor",
        None,
        None,
        ["systemd-nspawn@web.service", "machine.slice", ""],
    ),
    case(
        "/machine.slice/machine-web.scope/supervisor",
        None,
        None,
        ["machine-web.scope", "machine.slice", ""],
    ),
    unclear(
        "/machine.slice/machine-a\\x2fb.scope/payload",
        ["machine-a\\x2fb.scope", "machine.slice", ""],
    ),
    unclear(
        "/system.slice/foo.service/payload",
        ["foo.service", "system.slice", ""],
    ),
    // LXC.
    case(
        "/lxc/101/ns/system.slice/cron.service",
        Some(("lxc", "101")),
        None,
        NO,
    ),
    case("/lxc.payload/web", Some(("lxc", "web")), None, NO),
    case("/lxc.payload.web", Some(("lxc", "web")), None, NO),
    case("/lxc.payload.web/.lxc", Some(("lxc", "web")), None, NO),
    case(
        "/lxc.payload.web/system.slice/docker-$A.scope",
        DOCKER,
        None,
        NO,
    ),
    case(
        "/lxc.payload.outside/lxc.payload.inside/init.scope",
        Some(("lxc", "inside")),
        None,
        NO,
    ),
    case(
        "/lxc.payload.outside/lxc.monitor.inside",
        Some(("lxc", "outside")),
        None,
        NO,
    ),
    case("/lxc.monitor.web", None, None, NO),
    case("/lxc.monitor/web", None, None, NO),
    case(
        "/system.slice/snap.lxd.daemon.service/lxc.payload.u1",
        Some(("lxc", "u1")),
        None,
        ["snap.lxd.daemon.service", "system.slice", ""],
    ),
    case(
        "/user.slice/user-1000.slice/user@1000.service/app.slice/run-1.scope/lxc.payload.c1",
        Some(("lxc", "c1")),
        None,
        ["user@1000.service", "user-1000.slice", "run-1.scope"],
    ),
    // Others.
    case(
        "/system.slice/runc-web.scope",
        Some(("runc", "web")),
        None,
        ["runc-web.scope", "system.slice", ""],
    ),
    case(
        "/system.slice/crun-my-app.scope",
        Some(("crun", "my-app")),
        None,
        ["crun-my-app.scope", "system.slice", ""],
    ),
    case(
        "/system.slice/other-$A.scope",
        SOME,
        None,
        ["other-$A.scope", "system.slice", ""],
    ),
    case("/ecs/$M/$A", DOCKER, None, NO),
    case("/ecs/cluster/$M/$A", DOCKER, None, NO),
    case(
        "/ecs/$M/$M-1234567890",
        Some(("", "$M-1234567890")),
        None,
        NO,
    ),
    case("/ecs/$M", None, None, NO),
    case(
        "/ecstasks.slice/ecstasks-$M.slice/docker-$A.scope",
        DOCKER,
        None,
        ["docker-$A.scope", "ecstasks-$M.slice", ""],
    ),
    case(
        "/garden/70eb4be4-4e8a-4b1b-7d5e-26fa",
        Some(("garden", "70eb4be4-4e8a-4b1b-7d5e-26fa")),
        None,
        NO,
    ),
    case(
        "/system.slice/garden.service/garden/good/$U",
        Some(("garden", "$U")),
        None,
        ["garden.service", "system.slice", ""],
    ),
    case(
        "/docker/buildkit/k3xgz4b6u6qf0pbp6h0v9v1zq",
        Some(("buildkit", "k3xgz4b6u6qf0pbp6h0v9v1zq")),
        None,
        NO,
    ),
    case(
        "/system.slice/buildkit-k3xgz4b6u6qf0pbp6h0v9v1zq.scope",
        Some(("buildkit", "k3xgz4b6u6qf0pbp6h0v9v1zq")),
        None,
        [
            "buildkit-k3xgz4b6u6qf0pbp6h0v9v1zq.scope",
            "system.slice",
            "",
        ],
    ),
    case(
        "/nomad.slice/share.slice/$U.web.scope",
        None,
        None,
        ["$U.web.scope", "share.slice", ""],
    ),
    unclear("/nomad/$U", NO),
    case("/kata_overhead/$A", None, None, NO),
];

#[test]
fn reads_what_runtimes_make() {
    for case in CASES {
        let path = filled(case.path);
        let found = placement(&path);
        let container = found.container.as_ref().map(|container| {
            let runtime = container.runtime.map_or("", Runtime::name);
            (runtime.to_owned(), container.id.to_string())
        });
        let expected = case
            .container
            .map(|(runtime, id)| (runtime.to_owned(), filled(id)));
        assert_eq!(container, expected, "container of {path}");
        let pod = found.pod.as_ref().map(|pod| pod.uid.to_string());
        assert_eq!(pod, case.pod.map(filled), "pod of {path}");
        let systemd = [
            found.systemd.unit.as_deref(),
            found.systemd.slice.as_deref(),
            found.systemd.user_unit.as_deref(),
        ]
        .map(|name| name.unwrap_or("").to_owned());
        assert_eq!(systemd, case.systemd.map(filled), "units of {path}");
        assert_eq!(found.shape, case.shape, "shape of {path}");
    }
}
