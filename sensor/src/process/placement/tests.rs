mod shapes;

use proptest::prelude::*;

use super::*;
use shapes::{A, filled};

#[test]
fn tells_whose_session_it_is() {
    let session = placement("/user.slice/user-1000.slice/session-c3.scope").systemd;
    assert_eq!(session.session.as_deref(), Some("c3"));
    assert_eq!(session.owner_uid, Some(1000));
    let manager = placement("/user.slice/user-7.slice/user@7.service/app.slice/a.service").systemd;
    assert_eq!((manager.session, manager.owner_uid), (None, Some(7)));
    for path in [
        "/user.slice/user-+7.slice",
        "/user.slice/user-4294967295.slice",
        "/user.slice",
    ] {
        assert_eq!(placement(path).systemd.owner_uid, None, "{path}");
    }
}

#[test]
fn a_container_has_no_say_in_the_units() {
    let path = filled("/system.slice/docker-$A.scope/user.slice/user-0.slice/session-1.scope");
    let found = placement(&path).systemd;
    assert_eq!(
        (found.session, found.owner_uid, found.user_unit),
        (None, None, None)
    );
}

#[test]
fn keeps_the_outermost_container() {
    let nested = placement(&filled("/docker/$A/docker/$B/lxc.payload.c1"));
    assert_eq!(&*nested.container.unwrap().id, "c1");
    assert_eq!(&*nested.outer.unwrap().id, A);
    assert_eq!(placement(&filled("/docker/$A")).outer, None);
}

#[test]
fn a_name_that_the_kernel_could_have_is_unescaped() {
    let found = placement("/system.slice/_memory.service").systemd;
    assert_eq!(found.unit.as_deref(), Some("memory.service"));
}

#[test]
fn what_only_looks_like_a_unit_is_none() {
    for path in [
        "/system.slice/.service",
        "/system.slice/a@.service",
        "/system.slice/a b.scope",
    ] {
        assert_eq!(placement(path).systemd.unit, None, "{path}");
    }
}

#[test]
fn is_small() {
    assert!(size_of::<Placement>() <= 160);
}

/// Pieces that paths are made of, right and nearly right.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9.:\\\\x@_-]{0,12}",
        "(docker|libpod|crio|crio-conmon|x)-[0-9a-f]{63,65}(\\.scope)?",
        "[0-9a-f]{64}",
        "(docker|kubepods|lxc|lxc\\.payload|garden|ecs|payload|buildkit|default|\\.\\.)",
        "(machine-|systemd-nspawn@|runc-|lxc\\.payload\\.)[a-z\\\\]{0,6}(\\.scope|\\.service)?",
        "(user|user-[0-9]{1,4}|kubepods-pod[0-9a-f]{32})\\.slice(:[a-z]{1,4}:[0-9a-f]{64})?",
        any::<String>(),
    ]
}

proptest! {
    #[test]
    fn claims_nothing_that_the_path_does_not_say(
        pieces in proptest::collection::vec(piece(), 0..7)
    ) {
        let path = pieces.join("/");
        let found = placement(&path);
        let plain = path.replace("\\x2d", "-").replace("\\x5f", "_").replace("\\x2e", ".");
        for container in [found.container, found.outer].into_iter().flatten() {
            prop_assert!(!container.id.is_empty());
            let escaped = container.runtime == Some(Runtime::SystemdNspawn);
            prop_assert!(path.contains(&*container.id) || escaped || plain.contains(&*container.id));
        }
        if let Some(pod) = found.pod {
            prop_assert!(path.replace('_', "-").contains(&*pod.uid));
        }
        let systemd = found.systemd;
        for name in [systemd.unit, systemd.slice, systemd.user_unit, systemd.session] {
            prop_assert!(name.is_none_or(|name| path.contains(&*name)));
        }
    }

    #[test]
    fn never_panics(path: String) {
        let _ = placement(&path);
    }

    #[test]
    fn reads_a_pod_as_it_was_written(
        uid in "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32}",
        id in "[0-9a-f]{64}",
        quality in "(|-burstable|-besteffort)",
        (prefix, runtime) in prop::sample::select(vec![
            ("docker", "docker"), ("cri-containerd", "containerd"), ("crio", "cri-o"),
        ]),
        below in "(|/init|/system\\.slice/a\\.service)",
        around in "(|/docker/[0-9a-f]{64}|/system\\.slice/docker-[0-9a-f]{64}\\.scope)",
    ) {
        let slice = format!("kubepods{quality}-pod{}.slice", uid.replace('-', "_"));
        let path = format!("{around}/kubepods.slice/{slice}/{prefix}-{id}.scope{below}");
        let found = placement(&path);
        let container = found.container.unwrap();
        prop_assert_eq!(&*container.id, &*id);
        prop_assert_eq!(container.runtime.unwrap().name(), runtime);
        prop_assert_eq!(&*found.pod.unwrap().uid, &*uid);
        prop_assert_eq!(found.outer.is_some(), !around.is_empty());
        if around.is_empty() {
            prop_assert_eq!(found.systemd.slice.as_deref(), Some(&*slice));
        }
    }

    #[test]
    fn undoes_the_escapes_of_a_machine(name in "[a-zA-Z0-9_.-]{1,20}") {
        let escaped = name.replace('-', "\\x2d");
        let path = format!("/machine.slice/machine-{escaped}.scope/payload/init.scope");
        let container = placement(&path).container.unwrap();
        prop_assert_eq!(&*container.id, &*name);
    }

    #[test]
    fn reads_a_users_unit_as_it_was_written(uid in 0..u32::MAX, unit in "[a-z][a-z0-9:_.-]{0,20}\\.(service|scope)") {
        let path = format!("/user.slice/user-{uid}.slice/user@{uid}.service/app.slice/{unit}");
        let found = placement(&path).systemd;
        prop_assert_eq!(found.unit.unwrap().into_string(), format!("user@{uid}.service"));
        prop_assert_eq!(found.user_unit.as_deref(), Some(&*unit));
        prop_assert_eq!(found.owner_uid, Some(uid));
    }
}
