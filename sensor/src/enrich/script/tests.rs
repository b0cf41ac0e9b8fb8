use proptest::prelude::*;

use super::*;

/// What a command line runs: the words after the program's path are its arguments.
fn run(line: &str) -> Option<Script<'_>> {
    let program = line.split(' ').next().unwrap();
    script(
        program.as_bytes(),
        line.split(' ').map(str::as_bytes),
        Captured::Whole,
        None,
    )
}

#[test]
fn finds_files() {
    for (line, path) in [
        ("/usr/bin/python3.11 x.py", "x.py"),
        ("python3 -W ignore -X dev x.py -c y", "x.py"),
        ("python3 -Wignore -uB ./x.py", "./x.py"),
        ("python3.13t -I x.py", "x.py"),
        ("python3 --check-hash-based-pycs always x.py", "x.py"),
        ("python3 -- -x.py", "-x.py"),
        ("pypy3 x.py", "x.py"),
        ("perl -w x.pl -e 1", "x.pl"),
        ("perl -I lib -Ilib -MStrict x.pl", "x.pl"),
        ("perl -i.bak -p x.pl", "x.pl"),
        ("perl5.36.0 -0777 -l012 -n x.pl", "x.pl"),
        ("perl -d:NYTProf x.pl", "x.pl"),
        ("perl -T -- x.pl", "x.pl"),
        ("ruby -I dir -rjson -W0 x.rb", "x.rb"),
        ("ruby3.1 -W:no-deprecated -v x.rb", "x.rb"),
        ("ruby --enable=jit --encoding utf-8 x.rb", "x.rb"),
        ("node --require x y.js", "y.js"),
        ("node -r x --max-old-space-size=4096 y.js -e z", "y.js"),
        ("node --inspect=0.0.0.0:9229 --no-warnings y.js", "y.js"),
        ("node -- y.js", "y.js"),
        ("php -f x.php", "x.php"),
        ("php -d memory_limit=1 -n x.php -- y", "x.php"),
        ("php8.2 -fx.php", "x.php"),
        ("php --file=x.php", "x.php"),
        ("bash -o pipefail x.sh -c", "x.sh"),
        ("bash -euxo pipefail x.sh", "x.sh"),
        (
            "bash --norc --rcfile rc -O extglob +O nullglob x.sh",
            "x.sh",
        ),
        ("bash -login x.sh", "x.sh"),
        ("bash +e +o posix x.sh", "x.sh"),
        ("bash - x.sh", "x.sh"),
        ("bash -- -x.sh", "-x.sh"),
        ("bash /dev/fd/63", "/dev/fd/63"),
        ("bash-static x.sh", "x.sh"),
        ("sh /etc/init.d/x start", "/etc/init.d/x"),
        ("/bin/dash -e x.sh", "x.sh"),
        ("zsh -f -o errexit x.zsh", "x.zsh"),
        ("zsh-5.9 x.zsh", "x.zsh"),
        ("ksh93 -e x.ksh", "x.ksh"),
        ("mksh x", "x"),
        ("fish -N --init-command true x.fish", "x.fish"),
        ("busybox sh x.sh", "x.sh"),
        ("/bin/busybox awk -f x.awk y", "x.awk"),
        ("lua5.4 -l mod x.lua", "x.lua"),
        ("lua -e a=1 x.lua", "x.lua"),
        ("luajit-2.1.0-beta3 -O3 x.lua", "x.lua"),
        ("awk -F : -v a=b -f x.awk y", "x.awk"),
        ("gawk --file=x.awk y", "x.awk"),
        ("gawk -n -E x.awk y", "x.awk"),
        ("mawk -W dump -fx.awk", "x.awk"),
        ("java -jar x.jar y", "x.jar"),
        (
            "java -Xmx1g -Da=b -cp lib -javaagent:a.jar=b -jar -ea x.jar",
            "x.jar",
        ),
        ("java --add-opens a/b=c --add-opens=a/b=c X.java", "X.java"),
        (
            "pwsh -NoProfile -ExecutionPolicy Bypass -File x.ps1 -Command",
            "x.ps1",
        ),
        ("pwsh -nop -ep Bypass x.ps1", "x.ps1"),
        ("pwsh -wd /tmp -File /x.ps1", "/x.ps1"),
        ("Rscript --vanilla x.R -e", "x.R"),
        (
            "/usr/lib/R/bin/exec/R --no-echo --no-restore --file=x.R --args y",
            "x.R",
        ),
        ("tclsh8.6 -encoding utf-8 x.tcl", "x.tcl"),
    ] {
        assert_eq!(run(line), Some(Script::File(path.as_bytes())), "{line}");
    }
}

#[test]
fn finds_code_among_the_arguments() {
    for line in [
        "python3 -c CODE x.py",
        "python3 -ucCODE",
        "perl -e CODE x.pl",
        "perl -lane CODE x",
        "perl -pi.bak -e CODE x",
        "perl -l012ne CODE",
        "perl -de1",
        "perl -n -E CODE",
        "ruby -ne CODE x",
        "ruby -rjson -e CODE",
        "ruby -W0e CODE",
        "node -e CODE",
        "node -pe CODE",
        "node --eval=CODE",
        "node -r x --print CODE",
        "php -r CODE",
        "php -d a=b --run CODE",
        "bash -c CODE x.sh",
        "bash -xec CODE",
        "bash -lc CODE",
        "bash -e -o pipefail -c CODE",
        "sh -c CODE",
        "zsh -ic CODE",
        "fish -c CODE",
        "fish --command=CODE",
        "busybox sh -c CODE",
        "lua -e CODE",
        "awk CODE x",
        "awk -F : CODE x",
        "awk -- CODE x",
        "gawk -e CODE x",
        "gawk --source=CODE",
        "pwsh -Command CODE",
        "pwsh -NoLogo -c CODE",
        "pwsh -enc Q09ERQ==",
        "pwsh -ec Q09ERQ==",
        "Rscript -e CODE",
        "R -e CODE",
    ] {
        assert_eq!(run(line), Some(Script::Inline), "{line}");
    }
}

#[test]
fn finds_modules() {
    for (line, name) in [
        ("python3 -m http.server 80", "http.server"),
        ("python3 -Im venv x", "venv"),
        ("python3 -mvenv", "venv"),
        ("java -p lib -m a/b.C x", "a/b.C"),
        ("java --module=a/b.C", "a/b.C"),
    ] {
        assert_eq!(run(line), Some(Script::Module(name.as_bytes())), "{line}");
    }
}

#[test]
fn finds_standard_input() {
    for line in [
        "python3",
        "python3 -",
        "python3 -i",
        "python3 - x.py",
        "python3 /dev/stdin",
        "perl",
        "perl -w -",
        "ruby -",
        "node",
        "node -",
        "node -i",
        "php",
        "php -- x",
        "bash",
        "bash -s x",
        "bash -es",
        "bash -",
        "bash -l",
        "sh",
        "/bin/busybox sh",
        "lua -",
        "lua",
        "awk -f - x",
        "pwsh",
        "pwsh -Command -",
        "pwsh -File -",
        "tclsh",
        "fish",
        "zsh --",
    ] {
        assert_eq!(run(line), Some(Script::StandardInput), "{line}");
    }
}

#[test]
fn says_nothing_in_doubt() {
    for line in [
        "/usr/bin/env python3 x.py",
        "cat x.sh",
        "python3-config --cflags",
        "pythonista x.py",
        "python3 --version",
        "python3 -V",
        "python3 --unknown x.py",
        "python3 -W",
        "python3 -m",
        "perl -v",
        "perl -S x.pl",
        "perl -Zx y.pl",
        "ruby -v",
        "ruby -S rake",
        "ruby -C dir x.rb",
        "node --unknown x.js",
        "node --test x.js",
        "node inspect x.js",
        "node --run build",
        "node -v",
        "php -S localhost:80 x.php",
        "php -i",
        "php - x.php",
        "php -f=x.php",
        "bash --version",
        "bash --unknown x.sh",
        "bash -oe pipefail x.sh",
        "bash -o",
        "sh -R x y",
        "busybox ls x",
        "busybox",
        "fish -",
        "lua -v",
        "awk",
        "awk --version",
        "java Main",
        "java -version",
        "java @options -jar x.jar",
        "java -jar @x",
        "java -cp lib Main",
        "java",
        "pwsh -Version",
        "pwsh -wd dir x.ps1",
        "Rscript --version",
        "Rscript",
        "R",
        "R CMD build",
        "tclsh -x y",
    ] {
        assert_eq!(run(line), None, "{line}");
    }
    assert_eq!(
        script(b"sh", [&b"sh"[..], b""], Captured::Whole, None),
        None
    );
}

#[test]
fn a_file_with_an_interpreters_line_is_the_script() {
    let arguments = [&b"python3"[..], b"-c", b"pass"];
    for program in [&b"/usr/bin/python3"[..], b"/opt/unheard-of"] {
        let found = script(program, arguments, Captured::Cut, Some(b"./x"));
        assert_eq!(found, Some(Script::File(b"./x")));
    }
}

#[test]
fn a_program_of_many_names_looks_at_the_one_it_was_called_by() {
    let found = |arguments: &[&'static [u8]]| {
        script(
            b"/bin/busybox",
            arguments.iter().copied(),
            Captured::Whole,
            None,
        )
    };
    assert_eq!(found(&[b"/bin/sh", b"x"]), Some(Script::File(b"x")));
    assert_eq!(found(&[b"-sh"]), Some(Script::StandardInput));
    assert_eq!(found(&[b"ls", b"x"]), None);
    assert_eq!(found(&[]), None);
}

#[test]
fn concludes_nothing_from_an_argument_that_may_be_cut() {
    let found = |arguments: &[&'static [u8]]| {
        script(b"bash", arguments.iter().copied(), Captured::Cut, None)
    };
    assert_eq!(found(&[b"bash", b"-x", b"/opt/x.s"]), None);
    assert_eq!(found(&[b"bash", b"-x"]), None);
    assert_eq!(found(&[b"bash"]), None);
    assert_eq!(
        found(&[b"bash", b"x.sh", b"y"]),
        Some(Script::File(b"x.sh"))
    );
    assert_eq!(found(&[b"bash", b"-c", b"cod"]), Some(Script::Inline));
}

const PROGRAMS: &[&str] = &[
    "python3", "perl", "ruby", "php", "lua", "bash", "sh", "zsh", "fish", "awk", "gawk", "mawk",
    "node", "java", "pwsh", "Rscript", "R", "tclsh", "busybox",
];

fn argument() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        "[+-]{0,2}[a-zA-Z0-9=:]{0,6}".prop_map(String::into_bytes),
        prop::sample::select(vec![
            "-", "--", "-c", "-e", "-f", "-m", "-jar", "-o", "sh", "--file", "--file=x", "-File",
        ])
        .prop_map(|word| word.as_bytes().to_vec()),
        proptest::collection::vec(any::<u8>(), 0..8),
    ]
}

proptest! {
    #[test]
    fn names_only_what_was_given(
        program in prop_oneof![
            prop::sample::select(PROGRAMS).prop_map(|name| name.as_bytes().to_vec()),
            proptest::collection::vec(any::<u8>(), 0..12),
        ],
        arguments in proptest::collection::vec(argument(), 0..6),
        cut: bool,
        file in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..8)),
    ) {
        let captured = if cut { Captured::Cut } else { Captured::Whole };
        let given = arguments.iter().map(Vec::as_slice);
        match script(&program, given, captured, file.as_deref()) {
            Some(Script::File(path)) => {
                // An option may have it behind its letter or name.
                let is_given = arguments.iter().any(|argument| argument.ends_with(path));
                prop_assert!(!path.is_empty());
                prop_assert!(file.as_ref().map_or(is_given, |file| path == *file));
            }
            Some(Script::Module(name)) => {
                prop_assert!(!name.is_empty());
                prop_assert!(arguments.iter().any(|argument| argument.ends_with(name)));
            }
            Some(Script::Inline | Script::StandardInput) | None => {}
        }
    }

    /// What is concluded although more may follow stays right when it follows.
    #[test]
    fn more_arguments_change_nothing_that_was_concluded(
        program in prop::sample::select(PROGRAMS),
        arguments in proptest::collection::vec(argument(), 0..6),
        more in proptest::collection::vec(argument(), 0..3),
    ) {
        let given: Vec<&[u8]> = arguments.iter().map(Vec::as_slice).collect();
        let all = given.iter().copied().chain(more.iter().map(Vec::as_slice));
        if let Some(found) = script(program.as_bytes(), given.iter().copied(), Captured::Cut, None) {
            let whole = script(program.as_bytes(), all, Captured::Whole, None);
            prop_assert_eq!(whole, Some(found));
        }
    }
}
