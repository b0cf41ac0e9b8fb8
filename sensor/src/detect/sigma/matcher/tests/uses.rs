//! What rules are good for.

use super::{
    ALL, Condition, FEW, Matcher, NAMES, Names, Scratch, Search, Test, TestEvent, Use, found, item,
    rule, single, text,
};

fn usable(rule: &super::Rule) -> Use {
    let (_, mut uses) = Matcher::compile(std::slice::from_ref(rule), &Names);
    assert_eq!(uses.len(), 1);
    uses.remove(0)
}

#[test]
fn fields_that_events_lack_are_named() {
    let missing = Search::All(vec![item("Hashes", vec![text("*a*")])]);
    let known = Search::All(vec![item("Line", vec![text("*a*")])]);
    let selections = || vec![known.clone(), missing.clone()];
    let both = vec![Condition::Selection(0), Condition::Selection(1)];
    let Use::NeverFires(reason) = usable(&rule("all", selections(), Condition::All(both.clone())))
    else {
        panic!("it can match");
    };
    assert!(reason.contains("`Hashes`"), "{reason}");
    let Use::Partial(reason) = usable(&rule("all", selections(), Condition::Any(both))) else {
        panic!("it is not partial");
    };
    assert!(reason.contains("`Hashes`"), "{reason}");
    let without = Condition::Not(Box::new(Condition::Selection(1)));
    let Use::Refused(reason) = usable(&rule("all", selections(), without)) else {
        panic!("it is used");
    };
    assert!(
        reason.contains("every event") && reason.contains("`Hashes`"),
        "{reason}"
    );
    // Of class `few`, `Port` is not known; of `all` it is.
    let port = |category| {
        rule(
            category,
            vec![Search::All(vec![item(NAMES[3], vec![text("22")])])],
            Condition::Selection(0),
        )
    };
    assert_eq!(usable(&port("all")), Use::Full);
    assert!(matches!(usable(&port("few")), Use::NeverFires(_)));
    // A rule need not match in every class.
    assert_eq!(usable(&port("both")), Use::Full);
    let (matcher, _) = Matcher::compile(&[port("all"), port("few"), port("both")], &Names);
    assert_eq!((matcher.rules_for(ALL), matcher.rules_for(FEW)), (2, 0));
    assert_eq!(matcher.rules_for(super::Class(200)), 0);
}

/// A question for a field, in a line of its own.
fn asked(line: usize, field: &str, value: Test) -> Search {
    let mut item = item(field, vec![value]);
    item.line = line;
    Search::All(vec![item])
}

#[test]
fn only_what_no_class_has_is_lacking() {
    let all = |parts: &[usize]| {
        Condition::All(
            parts
                .iter()
                .map(|part| Condition::Selection(*part))
                .collect(),
        )
    };
    let both = |selections, condition| usable(&rule("both", selections, condition));
    // One class has the field, and it works there in full.
    let selections = vec![
        asked(1, "Kind", text("EXECVE")),
        asked(2, "Port", text("22")),
    ];
    assert_eq!(both(selections, all(&[0, 1])), Use::Full);
    // A value that the field never has where it is there.
    let selections = vec![asked(3, "Kind", text("PATH")), asked(4, "Line", text("a"))];
    let either = Condition::Any(vec![Condition::Selection(0), Condition::Selection(1)]);
    assert_eq!(
        both(selections.clone(), either),
        Use::Partial(
            "`Kind` is always `EXECVE` (line 3), so what asks for that is never met".into()
        )
    );
    assert_eq!(
        both(selections, all(&[0, 1])),
        Use::NeverFires("`Kind` is always `EXECVE` (line 3)".into())
    );
    // What nothing has, as a filter, and beside what only one class has.
    let selections = vec![
        asked(5, "Port", text("22")),
        asked(6, "Hashes", text("a")),
        asked(7, "Hashes", text("b")),
    ];
    let without = |part| Condition::Not(Box::new(Condition::Selection(part)));
    assert_eq!(
        both(
            selections.clone(),
            Condition::All(vec![Condition::Selection(0), without(1), without(2)])
        ),
        Use::Partial(
            "the events have no `Hashes` (lines 6, 7), so a condition on that excludes nothing"
                .into()
        )
    );
    assert_eq!(
        both(selections, all(&[0, 1])),
        Use::NeverFires("the events have no `Hashes` (line 6)".into())
    );
    // Each class has one of two, and none has both.
    let selections = vec![asked(8, "Kind", Test::Null), asked(9, "Port", text("22"))];
    assert_eq!(
        both(selections, all(&[0, 1])),
        Use::NeverFires(
            "no event has at once what is asked for in `Kind` (line 8), `Port` (line 9)".into()
        )
    );
}

#[test]
fn what_is_always_the_same_is_known_beforehand() {
    let asked = |kind: Test| {
        let items = vec![item("Kind", vec![kind]), item("Line", vec![text("*a*")])];
        rule("all", vec![Search::All(items)], Condition::Selection(0))
    };
    let Use::NeverFires(reason) = usable(&asked(text("PATH"))) else {
        panic!("it can match");
    };
    assert!(reason.contains("`Kind` is always `EXECVE`"), "{reason}");
    assert!(matches!(usable(&asked(Test::Null)), Use::NeverFires(_)));
    for kind in [text("execve"), text("EXEC*"), Test::Exists(true)] {
        let rule = asked(kind);
        assert_eq!(usable(&rule), Use::Full);
        assert!(super::is_match(&rule, &TestEvent::texts(&[("Line", "a")])));
    }
    let only = single("Kind", text("EXECVE"));
    assert!(matches!(usable(&only), Use::Refused(_)));
}

#[test]
fn events_that_nothing_tells_of_are_said_to_be_so() {
    let about = |category| rule(category, Vec::new(), Condition::All(Vec::new()));
    assert_eq!(
        usable(&about("dns")),
        Use::NeverFires("nothing tells of that".to_owned())
    );
    assert!(matches!(usable(&about("none")), Use::NeverFires(_)));
}

#[test]
fn a_path_of_another_system_never_fires_but_an_odd_name_is_not_missed() {
    let windows = single("Image", text("*\\bash"));
    let Use::NeverFires(reason) = usable(&windows) else {
        panic!("it can match");
    };
    assert!(
        reason.contains("`Image`") && reason.contains('/'),
        "{reason}"
    );
    let (matcher, _) = Matcher::compile(&[windows], &Names);
    let odd = TestEvent::texts(&[("Image", "/tmp/odd\\bash")]);
    assert_eq!(found(&matcher, ALL, &odd, &mut Scratch::default()), [0]);
    // In other fields, and beside other values, it is as good as any.
    assert_eq!(usable(&single("Line", text("*\\bash"))), Use::Full);
    let either = rule(
        "all",
        vec![Search::All(vec![item(
            "Image",
            vec![text("*\\bash"), text("*/bash")],
        )])],
        Condition::Selection(0),
    );
    assert_eq!(usable(&either), Use::Full);
}

#[test]
fn a_bad_rule_is_refused_alone() {
    let good = single("Line", text("*good*"));
    let mut deep = Condition::Selection(0);
    for _ in 0..200 {
        deep = Condition::Not(Box::new(deep));
    }
    let many = Search::All(vec![item("Line", vec![text("a"); 1000])]);
    let bad = [
        single("Line", Test::Regex("(".to_owned())),
        single("Line", Test::Regex("(\\w{100}){100}".to_owned())),
        single("Line", Test::Regex("a(?=b)".to_owned())),
        rule("all", Vec::new(), Condition::Selection(3)),
        rule("all", vec![many.clone()], deep),
        rule(
            "all",
            vec![many],
            Condition::All(vec![Condition::Selection(0); 1000]),
        ),
        rule(
            "all",
            vec![Search::Keywords(super::any(vec![Test::Null]))],
            Condition::Selection(0),
        ),
        rule("all", Vec::new(), Condition::All(Vec::new())),
        single("Hashes", Test::Null),
    ];
    let mut rules = vec![good.clone()];
    rules.extend(bad);
    rules.push(good);
    let (matcher, uses) = Matcher::compile(&rules, &Names);
    assert_eq!(uses.first(), Some(&Use::Full));
    assert_eq!(uses.last(), Some(&Use::Full));
    for (rule, usable) in rules.iter().zip(&uses).take(rules.len() - 1).skip(1) {
        assert!(
            matches!(usable, Use::Refused(_)),
            "{usable:?} {:?}",
            rule.condition
        );
    }
    let Use::Refused(reason) = &uses[1] else {
        unreachable!()
    };
    assert!(reason.contains("line 7"), "{reason}");
    assert_eq!(matcher.rules_for(ALL), 2);
    let event = TestEvent::texts(&[("Line", "all is good")]);
    let mut scratch = Scratch::default();
    assert_eq!(
        found(&matcher, ALL, &event, &mut scratch),
        [0, rules.len() - 1]
    );
    assert_eq!(
        found(&matcher, FEW, &event, &mut scratch),
        Vec::<usize>::new()
    );
}
