//! Where runtimes listen.

use std::{
    fs,
    os::unix::fs::FileTypeExt,
    path::{Path, PathBuf},
};

use super::{Request, Runtime};

/// A place where a runtime may listen. It need not be there: that is looked at for each question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socket {
    /// The runtime.
    pub runtime: Runtime,
    /// The socket's path.
    pub path: PathBuf,
}

impl Socket {
    /// The socket at a path, whose name tells the runtime; none if it does not.
    #[must_use]
    pub fn at(path: &Path) -> Option<Self> {
        let text = path.to_string_lossy();
        let runtimes = [
            ("podman", Runtime::Podman),
            ("docker", Runtime::Docker),
            ("containerd", Runtime::Containerd),
            ("crio", Runtime::CriO),
        ];
        let (_, runtime) = runtimes.iter().find(|(name, _)| text.contains(name))?;
        Some(Self {
            runtime: *runtime,
            path: path.to_owned(),
        })
    }
}

/// The sockets that are asked.
#[derive(Clone, Debug)]
pub struct Sockets {
    /// Those of the host's own runtimes, in the order in which they are asked.
    pub system: Vec<Socket>,
    /// The directory with the users' run-time directories; usually `/run/user`.
    pub users: PathBuf,
}

impl Sockets {
    /// The usual places below a directory, which is usually `/run`.
    #[must_use]
    pub fn usual(run: &Path) -> Self {
        let places = [
            (Runtime::Docker, "docker.sock"),
            (Runtime::Podman, "podman/podman.sock"),
            (Runtime::Containerd, "containerd/containerd.sock"),
            (Runtime::Containerd, "k3s/containerd/containerd.sock"),
            (Runtime::Containerd, "k0s/containerd.sock"),
            (Runtime::CriO, "crio/crio.sock"),
        ];
        let socket = |(runtime, place)| Socket {
            runtime,
            path: run.join(place),
        };
        Self {
            system: places.map(socket).to_vec(),
            users: run.join("user"),
        }
    }

    /// The sockets to ask about a container, among those that are there now.
    ///
    /// A user's own sockets are asked about this user's containers only, and only they are: whoever
    /// owns a socket can say anything of any container.
    pub(super) fn present(&self, request: &Request) -> Vec<Socket> {
        let mut sockets = match request.owner {
            None => self.system.clone(),
            Some(owner) => self.of_user(owner),
        };
        sockets.retain(|socket| {
            let hinted = request.runtime.is_none_or(|hint| hint == socket.runtime);
            // The others take a part of an id, or a name, for some container's.
            let fits = hinted && (socket.runtime == Runtime::Containerd || request.has_whole_id());
            // A link in a user's directory could lead to any other server of the host.
            let metadata = match request.owner {
                None => fs::metadata,
                Some(_) => fs::symlink_metadata,
            };
            fits && metadata(&socket.path).is_ok_and(|file| file.file_type().is_socket())
        });
        sockets
    }

    fn of_user(&self, owner: u32) -> Vec<Socket> {
        let directory = self.users.join(owner.to_string());
        let socket = |(runtime, place)| Socket {
            runtime,
            path: directory.join(place),
        };
        [
            (Runtime::Docker, "docker.sock"),
            (Runtime::Podman, "podman/podman.sock"),
        ]
        .map(socket)
        .to_vec()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::{fs::symlink, net::UnixListener};

    use super::{super::tests::Directory, *};

    fn request(runtime: Option<Runtime>, owner: Option<u32>) -> Request {
        Request {
            container_id: "c0".repeat(32).into(),
            runtime,
            owner,
        }
    }

    #[test]
    fn asks_what_is_there_and_may_know() {
        let run = Directory::new();
        let sockets = Sockets::usual(run.path());
        assert_eq!(sockets.present(&request(None, None)), []);

        for directory in ["crio", "podman", "user/1000/podman", "user/1001"] {
            fs::create_dir_all(run.path().join(directory)).unwrap();
        }
        fs::write(run.path().join("docker.sock"), "a file").unwrap();
        let listeners: Vec<_> = ["crio/crio.sock", "user/1000/podman/podman.sock"]
            .map(|place| UnixListener::bind(run.path().join(place)).unwrap())
            .into();
        let crio = run.path().join("crio/crio.sock");
        symlink(&crio, run.path().join("podman/podman.sock")).unwrap();
        symlink(&crio, run.path().join("user/1001/docker.sock")).unwrap();

        let found = |runtime, owner| -> Vec<Runtime> {
            let present = sockets.present(&request(runtime, owner));
            present.into_iter().map(|socket| socket.runtime).collect()
        };
        assert_eq!(found(None, None), [Runtime::Podman, Runtime::CriO]);
        assert_eq!(found(Some(Runtime::CriO), None), [Runtime::CriO]);
        assert_eq!(found(Some(Runtime::Docker), None), []);
        assert_eq!(found(None, Some(1000)), [Runtime::Podman]);
        assert_eq!(found(None, Some(1001)), []);
        assert_eq!(found(None, Some(1002)), []);

        let mut short = request(None, None);
        short.container_id = "c0c0c0c0c0c0".into();
        assert_eq!(sockets.present(&short), []);
        drop(listeners);
    }
}
