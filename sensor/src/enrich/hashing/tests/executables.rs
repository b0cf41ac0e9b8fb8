use super::*;

#[test]
fn a_running_process_leads_to_its_executable() {
    let directory = Directory::new("running");
    let program = directory.program("program");
    settle();
    let process = Sleeper::new(&program);
    let file = key(&program);
    let content = fs::read(&program).unwrap();
    let answer = ask(executable(file, &program, process.id()));
    assert_eq!(answer.ticket, Ticket(7));
    assert_eq!(answer.found, Found::Executable(file));
    let expected = told(digest(&content), Evidence::Unchanged);
    assert_eq!(answer.outcome, expected);
    assert_eq!(answer.bytes_read, content.len() as u64);
}

#[test]
fn a_running_process_leads_to_its_deleted_executable() {
    let directory = Directory::new("deleted");
    let program = directory.program("program");
    settle();
    let file = key(&program);
    let process = Sleeper::new(&program);
    settle();
    let content = fs::read(&program).unwrap();
    fs::remove_file(&program).unwrap();
    let answer = ask(executable(file, &program, process.id()));
    let expected = told(digest(&content), Evidence::Running);
    assert_eq!(answer.outcome, expected);
    let process = process.end();
    let answer = ask(executable(file, &program, process));
    assert_eq!(answer.outcome, Outcome::Missing(Missing::Gone));
}

#[test]
fn a_running_process_leads_to_its_executable_without_a_path() {
    let content = fs::read("/bin/sleep").unwrap();
    let written = memfd_create("program", MemfdFlags::CLOEXEC).unwrap();
    let mut written = File::from(written);
    written.write_all(&content).unwrap();
    // Open for writing it cannot be executed; the new process needs the number.
    let path = format!("/proc/self/fd/{}", written.as_raw_fd());
    let flags = rustix::fs::OFlags::RDONLY;
    let open = rustix::fs::open(path, flags, rustix::fs::Mode::empty()).unwrap();
    drop(written);
    settle();
    let file = FileKey::of(&File::from(open.try_clone().unwrap()).metadata().unwrap());
    let process = Sleeper::new(Path::new(&format!("/proc/self/fd/{}", open.as_raw_fd())));
    let answer = ask(ExecutableRequest {
        file,
        path: None,
        reading: reading(process.id()),
    });
    let expected = told(digest(&content), Evidence::Unchanged);
    assert_eq!(answer.outcome, expected);
}

#[test]
fn a_file_that_was_just_written_is_told_but_not_remembered() {
    let directory = Directory::new("young");
    let program = directory.program("program");
    let process = Sleeper::new(&program);
    let content = fs::read(&program).unwrap();
    // By the clock of the file, it is written in this moment.
    fs::set_permissions(&program, fs::metadata(&program).unwrap().permissions()).unwrap();
    let file = key(&program);
    let answer = ask(executable(file, &program, process.id()));
    let Outcome::Sha256 {
        digest: told,
        evidence,
        ..
    } = answer.outcome
    else {
        panic!("{answer:?}");
    };
    assert_eq!((told, evidence), (digest(&content), Evidence::Unchanged));
    let process = process.end();
    let mut request = executable(file, &program, process);
    request.reading.executed = file.changed.wall_time();
    settle();
    let Outcome::Sha256 { evidence, .. } = ask(request.clone()).outcome else {
        panic!("the file is there");
    };
    assert_eq!(evidence, Evidence::Young);

    // Two execs of it are two questions.
    let (sender, _receiver) = sync_channel(10);
    let mut digests = Digests::new(&Settings::default(), sender);
    let first = digests.request_executable(request.clone()).unwrap();
    assert_ne!(digests.request_executable(request), Ok(first));
    digests.answer(&Answer {
        outcome: Outcome::Sha256 {
            digest: told,
            evidence,
            settled: false,
        },
        ..answer
    });
    assert_eq!(digests.look_up(&file), None);
}

#[test]
fn a_process_that_ended_is_followed_by_its_path() {
    let directory = Directory::new("ended");
    let program = directory.program("program");
    settle();
    let file = key(&program);
    let content = fs::read(&program).unwrap();
    let expected = told(digest(&content), Evidence::Unchanged);
    let process = ended();
    assert_eq!(ask(executable(file, &program, process)).outcome, expected);

    // Through another process only: here the sensor does not know its own namespace.
    let proc = directory.path("proc");
    fs::create_dir_all(proc.join("self")).unwrap();
    symlink("/proc/self/fd", proc.join("self/fd")).unwrap();
    let this = std::process::id().to_string();
    symlink(format!("/proc/{this}"), proc.join(&this)).unwrap();
    let settings = Settings {
        proc,
        ..Settings::default()
    };
    let mut worker = Alone::new(&settings);
    let mut request = executable(file, &program, process);
    let answer = worker.executable(request.clone());
    assert_eq!(answer.outcome, expected);
    // One that is not of the namespace is not looked through.
    request.reading.mount_namespace = MountNamespace(1);
    let answer = worker.executable(request.clone());
    assert_eq!(answer.outcome, Outcome::Missing(Missing::Gone));
    request.reading = reading(process);
    request.reading.others.clear();
    let answer = worker.executable(request);
    assert_eq!(answer.outcome, Outcome::Missing(Missing::Gone));
}

#[test]
fn another_process_with_the_same_id_is_not_taken_for_it() {
    let directory = Directory::new("same-id");
    let program = directory.program("program");
    settle();
    let file = key(&program);
    let process = Sleeper::new(&program);
    let mut earlier = process.id();
    earlier.start.0 -= START_TICK_NANOSECONDS;
    let mut request = executable(file, &program, earlier);
    request.path = None;
    let outcome = ask(request).outcome;
    assert_eq!(outcome, Outcome::Missing(Missing::Gone));
}

#[test]
fn a_process_that_runs_something_else_by_now_is_followed_by_its_path() {
    let directory = Directory::new("elsewhere");
    let program = directory.write("first", b"#!/first\n");
    settle();
    let process = Sleeper::new(Path::new("/bin/sleep"));
    let request = executable(key(&program), &program, process.id());
    let expected = told(digest(b"#!/first\n"), Evidence::Unchanged);
    assert_eq!(ask(request.clone()).outcome, expected);
    let pathless = ExecutableRequest {
        path: None,
        ..request
    };
    let outcome = ask(pathless).outcome;
    assert_eq!(outcome, Outcome::Missing(Missing::Replaced));
}

#[test]
fn another_file_at_the_path_is_not_told() {
    let directory = Directory::new("replaced");
    let process = ended();
    let replaced = Outcome::Missing(Missing::Replaced);

    let renamed = directory.write("renamed", b"first content");
    let file = key(&renamed);
    fs::rename(directory.write("other", b"other content"), &renamed).unwrap();
    let outcome = ask(executable(file, &renamed, process)).outcome;
    assert_eq!(outcome, replaced);

    // Written to, as long as before, with the time of modification set back.
    let written = directory.write("written", b"first content");
    let file = key(&written);
    let modified = fs::metadata(&written).unwrap().modified().unwrap();
    settle();
    fs::write(&written, b"other content").unwrap();
    let times = FileTimes::new().set_modified(modified);
    let open = File::options().write(true).open(&written).unwrap();
    open.set_times(times).unwrap();
    assert_eq!(key(&written).modified, file.modified);
    let outcome = ask(executable(file, &written, process)).outcome;
    assert_eq!(outcome, replaced);

    // The same numbers and times on another device are another file's.
    let mut elsewhere = key(&renamed);
    elsewhere.device.minor += 1;
    let outcome = ask(executable(elsewhere, &renamed, process)).outcome;
    assert_eq!(outcome, replaced);
}

#[test]
fn nothing_but_the_content_of_the_exec_is_told_while_the_file_is_fought_over() {
    const ROUNDS: u32 = 32;
    let directory = Directory::new("race");
    let first = vec![b'a'; 1 << 20];
    let other = vec![b'b'; 1 << 20];
    let expected = digest(&first);
    let process = ended();
    let (mut told, mut missing) = (0, 0);
    let mut took = Duration::ZERO;
    for round in 0..=ROUNDS {
        let path = directory.write("program", &first);
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        settle();
        let request = executable(key(&path), &path, process);
        let new = directory.write("new", &other);
        // Either in place or by another file.
        let fight = {
            let (path, other) = (path.clone(), other.clone());
            move || {
                if round % 2 == 0 {
                    let mut open = File::options().write(true).open(&path).unwrap();
                    open.write_all(&other).unwrap();
                    let times = FileTimes::new().set_modified(modified);
                    open.set_times(times).unwrap();
                } else {
                    fs::rename(&new, &path).unwrap();
                }
            }
        };
        let start = Instant::now();
        let outcome = match round {
            // Undisturbed, to know how long it takes; then sooner and later within that.
            0 => ask(request).outcome,
            ROUNDS => {
                fight();
                ask(request).outcome
            }
            _ => {
                let delay = took * round / ROUNDS;
                let fighter = thread::spawn(move || {
                    thread::sleep(delay);
                    fight();
                });
                let outcome = ask(request).outcome;
                fighter.join().unwrap();
                outcome
            }
        };
        if round == 0 {
            took = start.elapsed();
        }
        match outcome {
            Outcome::Sha256 { digest, .. } => {
                assert_eq!(digest, expected, "round {round}");
                told += 1;
            }
            Outcome::Missing(reason) => {
                let expected = [Missing::Modified, Missing::Replaced];
                assert!(expected.contains(&reason), "round {round}: {reason:?}");
                missing += 1;
            }
        }
    }
    assert!(told > 0 && missing > 0, "{told} {missing}");
}

#[test]
fn an_executable_of_a_package_is_told_with_it() {
    let directory = Directory::new("package");
    for path in ["usr/bin", "var/lib/dpkg/info"] {
        fs::create_dir_all(directory.path(path)).unwrap();
    }
    directory.write(
        "var/lib/dpkg/status",
        b"Package: tool\nStatus: install ok installed\nArchitecture: all\nVersion: 1:2-3\n",
    );
    directory.write("var/lib/dpkg/info/tool.list", b"/usr/bin/tool\n");
    let program = directory.program("usr/bin/tool");
    let process = Sleeper::new(&program);
    let settings = Settings {
        packages: Some(directory.0.clone()),
        ..Settings::default()
    };
    let mut worker = Alone::new(&settings);
    let listed = Path::new("/usr/bin/tool");
    let request = executable(key(&program), listed, process.id());
    let answer = worker.executable(request.clone());
    let package = answer.package.unwrap();
    assert_eq!((&*package.name, &*package.version), ("tool", "1:2-3"));
    // Another file at the same path, in another namespace or root, is not the package's.
    let mut other = request;
    other.file = key(Path::new("/bin/sleep"));
    let answer = worker.executable(other);
    assert_eq!(answer.package, None);
}

#[test]
fn what_was_opened_is_told_though_the_process_ends_before_it_is_read() {
    let directory = Directory::new("opened");
    let program = directory.program("program");
    settle();
    let process = Sleeper::new(&program);
    let content = fs::read(&program).unwrap();
    let file = key(&program);
    settle();
    fs::remove_file(&program).unwrap();
    let request = Request::Executable(Ticket(7), executable(file, &program, process.id()));
    let mut worker = Alone::new(&Settings::default());
    let opened = worker.opener.open(&request);
    drop(process);
    let answer = worker.hasher.answer(&request, opened);
    let expected = told(digest(&content), Evidence::Running);
    assert_eq!(answer.outcome, expected);
}
