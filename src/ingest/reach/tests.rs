use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::Mutex;

use super::*;

fn entries(text: &str) -> Vec<Entry> {
    text.split(',').filter(|text| !text.is_empty()).map(|text| text.parse().unwrap()).collect()
}

fn rules(allow: &str, deny: &str) -> Rules {
    Rules::new(entries(allow), entries(deny))
}

fn source(address: &str) -> SourceUrl {
    SourceUrl::parse(&format!("rtsp://{address}/stream")).unwrap()
}

/// What is made of a link whose host is `host` and stands for `address`.
fn judged(rules: &Rules, host: &str, address: &str) -> Result<(), String> {
    let source = source(host);
    let address: IpAddr = address.parse().unwrap();
    let outcome = rules
        .judge_link(&source)
        .and_then(|()| rules.judge(&Asked::by(&source), address, |address| address.is_loopback()));
    outcome.map_err(|refusal| refusal.to_string())
}

/// The same of an address.
fn judged_at(rules: &Rules, address: &str) -> Result<(), String> {
    let bare = address.rsplit_once(':').filter(|(host, _)| !host.contains(':') || host.ends_with(']'));
    let bare = bare.map_or(address, |(host, _)| host).trim_matches(['[', ']']);
    judged(rules, address, bare)
}

#[track_caller]
fn refused(outcome: Result<(), String>, words: &str) {
    let told = outcome.expect_err(words);
    assert!(told.contains(words), "{words:?} is not in {told:?}");
}

#[test]
fn without_rules_cameras_are_reached_wherever_they_are() {
    let rules = rules("", "");
    for host in
        ["10.0.0.7", "192.168.1.9:8554", "127.0.0.1:8554", "203.0.113.9", "[fd00::7]:554", "[2001:db8::1]"]
    {
        assert_eq!(judged_at(&rules, host), Ok(()), "{host}");
    }
    assert_eq!(judged(&rules, "cam.example", "10.0.0.7"), Ok(()));
}

#[test]
fn what_is_no_cameras_address_is_refused_without_rules_in_whatever_form_it_comes() {
    let rules = rules("", "");
    for (address, kind) in [
        ("0.0.0.0", "unspecified"),
        ("0.1.2.3", "unspecified"),
        ("[::]", "unspecified"),
        ("[::ffff:0.0.0.0]", "unspecified"),
        ("224.0.0.1", "multicast"),
        ("239.255.255.250", "multicast"),
        ("[ff02::1]", "multicast"),
        ("255.255.255.255", "broadcast"),
        ("169.254.0.1", "link-local"),
        ("[fe80::1]", "link-local"),
        ("[febf::1]", "link-local"),
        ("169.254.169.254", "metadata"),
        ("[fd00:ec2::254]", "metadata"),
        ("[fd20:ce::254]", "metadata"),
        ("100.100.100.200", "metadata"),
        ("192.0.0.192", "metadata"),
        ("168.63.129.16", "metadata"),
        ("[::ffff:169.254.169.254]", "metadata"),
        ("[::169.254.169.254]", "metadata"),
        ("[::ffff:0:169.254.169.254]", "metadata"),
        ("[64:ff9b::169.254.169.254]", "metadata"),
        ("[64:ff9b:1::169.254.169.254]", "metadata"),
        ("[2002:a9fe:a9fe::1]", "metadata"),
        ("[2002:e000:1::]", "multicast"),
    ] {
        refused(judged_at(&rules, address), kind);
        // As what a name stands for, too.
        let bare = address.trim_matches(['[', ']']);
        let told = judged(&rules, "cam.example", bare).unwrap_err();
        assert!(told.starts_with("cam.example:554 is refused: its name leads to"), "{told}");
        assert!(told.contains(kind) && !told.contains(bare), "{told}");
    }
}

#[test]
fn a_rule_lifts_link_local_and_metadata_only_where_it_means_them() {
    for allow in ["*", "0.0.0.0/0", "169.0.0.0/8", "*.example", "*,169.254.0.0/16:80"] {
        refused(judged(&rules(allow, ""), "cam.example", "169.254.3.4"), "link-local");
    }
    for allow in ["169.254.3.4", "169.254.0.0/16", "169.254.0.0/16:500-600", "*,169.254.3.0/24"] {
        assert_eq!(judged(&rules(allow, ""), "cam.example", "169.254.3.4"), Ok(()), "{allow}");
    }
    refused(judged_at(&rules("169.254.3.4", ""), "169.254.169.254"), "metadata");
    assert_eq!(judged_at(&rules("169.254.169.254", ""), "169.254.169.254"), Ok(()));
    assert_eq!(judged_at(&rules("fe80::/10", ""), "[fe80::1]"), Ok(()));
    refused(judged_at(&rules("::/0", ""), "[fe80::1]"), "link-local");
    // Nothing lifts these.
    for address in ["0.0.0.0", "224.0.0.1", "255.255.255.255", "[::]", "[ff02::1]"] {
        let named = rules(&format!("*,{}", address.trim_matches(['[', ']'])), "");
        assert!(judged_at(&named, address).is_err(), "{address}");
    }
}

#[test]
fn what_is_denied_is_denied_whatever_is_allowed() {
    let rules =
        rules("*", "10.0.0.0/8,127.0.0.0/8,[::1],bad.example,*.evil.example:8554,*:22,[fd00::/8]:554");
    for (host, address) in [
        ("10.0.0.7", "10.0.0.7"),
        ("[::ffff:10.0.0.7]", "::ffff:10.0.0.7"),
        ("[2002:a00:7::]", "2002:a00:7::"),
        ("cam.example", "10.255.255.255"),
        ("127.0.0.1:9", "127.0.0.1"),
        ("[::1]", "::1"),
        ("BAD.example.", "203.0.113.9"),
        ("a.b.evil.example:8554", "203.0.113.9"),
        ("203.0.113.9:22", "203.0.113.9"),
        ("cam.example:22", "203.0.113.9"),
        ("[fd12::1]", "fd12::1"),
    ] {
        refused(judged(&rules, host, address), "SOURCE_DENY");
    }
    for (host, address) in [
        ("11.0.0.7", "11.0.0.7"),
        ("a.evil.example:554", "203.0.113.9"),
        ("evil.example:8554", "203.0.113.9"),
        ("good.example", "203.0.113.9"),
        ("[fd12::1]:555", "fd12::1"),
    ] {
        assert_eq!(judged(&rules, host, address), Ok(()), "{host}");
    }
}

#[test]
fn where_something_is_allowed_nothing_else_is() {
    let rules = rules("10.0.0.0/8:554,10.1.2.3:8000-8010,*.cams.example,[fd00::/8]", "");
    for (host, address) in [
        ("10.9.9.9", "10.9.9.9"),
        ("10.1.2.3:8000", "10.1.2.3"),
        ("10.1.2.3:8010", "10.1.2.3"),
        ("[::ffff:10.9.9.9]", "::ffff:10.9.9.9"),
        ("nvr.elsewhere.example", "10.9.9.9"),
        ("Front.CAMS.example:99", "203.0.113.9"),
        ("[fdff::1]:1", "fdff::1"),
    ] {
        assert_eq!(judged(&rules, host, address), Ok(()), "{host}");
    }
    for (host, address) in [
        ("11.0.0.1", "11.0.0.1"),
        ("10.9.9.9:555", "10.9.9.9"),
        ("10.1.2.3:8011", "10.1.2.3"),
        ("cams.example", "203.0.113.9"),
        ("nvr.elsewhere.example", "203.0.113.9"),
        ("nvr.elsewhere.example:555", "10.9.9.9"),
        // It carries an address that is allowed, and leads elsewhere.
        ("[2002:a09:909::]", "2002:a09:909::"),
    ] {
        refused(judged(&rules, host, address), "SOURCE_ALLOW");
    }
}

#[test]
fn a_name_says_nothing_of_addresses_and_an_address_nothing_of_names() {
    refused(judged(&rules("cam.example", ""), "203.0.113.9", "203.0.113.9"), "SOURCE_ALLOW");
    // Forms of addresses that only the operating system knows are names, until it has told the address.
    for odd in ["0x7f000001", "2130706433", "127.1", "0177.0.0.1"] {
        refused(judged(&rules("", "127.0.0.0/8"), odd, "127.0.0.1"), "what its name leads to");
        refused(judged(&rules("10.0.0.0/8", ""), odd, "127.0.0.1"), "SOURCE_ALLOW");
    }
}

#[test]
fn camgates_own_port_is_refused_at_every_address_of_this_machine_and_nowhere_else() {
    let rules = rules("*", "").listening_on(8088);
    for (host, address) in [
        ("127.0.0.1:8088", "127.0.0.1"),
        ("[::1]:8088", "::1"),
        ("[::ffff:127.0.0.9]:8088", "::ffff:127.0.0.9"),
    ] {
        refused(judged(&rules, host, address), "it is camgate itself");
    }
    refused(judged(&rules, "localhost:8088", "127.0.0.1"), "its name leads to camgate itself");
    assert_eq!(judged_at(&rules, "127.0.0.1:8089"), Ok(()));
    assert_eq!(judged_at(&rules, "203.0.113.9:8088"), Ok(()));
    let reloaded = rules.with_entries(vec![], vec![]);
    refused(judged_at(&reloaded, "127.0.0.1:8088"), "camgate itself");
    assert!(is_of_this_machine(Ipv4Addr::LOCALHOST.into()));
    assert!(!is_of_this_machine("203.0.113.9".parse().unwrap()), "TEST-NET-3 is nobody's");
}

#[test]
fn a_link_is_judged_before_its_name_is_looked_up_as_far_as_that_goes() {
    let judge = |rules: &Rules, host: &str| rules.judge_link(&source(host)).is_ok();
    let named = rules("*.cams.example:554", "");
    assert!(judge(&named, "a.cams.example") && !judge(&named, "a.cams.example:555"));
    assert!(!judge(&named, "other.example"));
    assert!(judge(&rules("10.0.0.0/8", ""), "other.example"), "its address may be allowed");
    assert!(!judge(&rules("10.0.0.0/8:554", ""), "other.example:80"), "no address is allowed on that port");
    assert!(!judge(&rules("", "*.example"), "cam.example"));
}

#[test]
fn an_entry_that_says_nothing_is_told_what_is_wrong_with_it() {
    for (text, words) in [
        ("", "name of a host"),
        ("a b", "name of a host"),
        ("cam/8", "nor a network"),
        ("10.0.0", "nor a network"),
        ("10.0.*", "nor a network"),
        ("10.0.0.0/33", "0 to 32"),
        ("fd00::/129", "0 to 128"),
        ("10.0.0.0/x", "0 to 32"),
        ("10.0.0.1/8", "10.0.0.0/8"),
        ("[fd00::1/8]", "fd00::/8"),
        ("fd00::zz", "nor a network"),
        ("[fd00::", "closed"),
        ("[cam]:554", "brackets"),
        ("[10.0.0.1]", "brackets"),
        ("[::1]554", "colon"),
        ("cam:", "port"),
        ("cam:0", "port"),
        ("cam:65536", "port"),
        ("cam:9-8", "port"),
        ("cam:-8", "port"),
        ("rtsp://cam", "port"),
    ] {
        let error = text.parse::<Entry>().unwrap_err().to_string();
        assert!(error.contains(words), "{text:?}: {error}");
    }
}

#[test]
fn a_pattern_takes_any_text_for_its_stars() {
    for (pattern, good, bad) in [
        ("*.cams.example", ["a.cams.example", "a.b.cams.example"], ["cams.example", "acams.example"]),
        ("cam-*.example", ["cam-.example", "cam-1.2.example"], ["cam.example", "xcam-1.example"]),
        ("a*b*c", ["abc", "axbxbc"], ["ac", "abcd"]),
        ("a*a", ["aa", "aba"], ["a", "ab"]),
        ("*x*", ["x", "axb"], ["ab", ""]),
        ("CAM", ["cam", "cam"], ["cam1", "ca"]),
    ] {
        let entry: Entry = pattern.parse().unwrap();
        for name in good {
            assert!(entry.covers_name(name), "{pattern} {name}");
        }
        for name in bad {
            assert!(!entry.covers_name(name), "{pattern} {name}");
        }
    }
}

/// A DNS whose answers follow each other; the last one stays.
fn dns(answers: &[(&str, &[&str])]) -> Arc<Lookup> {
    let answers: HashMap<String, Vec<String>> = answers
        .iter()
        .map(|(name, addresses)| {
            (name.to_string(), addresses.iter().rev().map(|text| text.to_string()).collect())
        })
        .collect();
    let answers = Mutex::new(answers);
    Arc::new(move |name, port| {
        let mut answers = answers.lock().unwrap();
        let of_name = answers.get_mut(&name).unwrap();
        let answer = if of_name.len() > 1 { of_name.pop() } else { of_name.last().cloned() };
        let addresses = answer.unwrap();
        let addresses =
            addresses.split(' ').map(|text| SocketAddr::new(text.parse().unwrap(), port)).collect();
        futures::future::ready(Ok(addresses)).boxed()
    })
}

fn reach(rules: Rules, answers: &[(&str, &[&str])]) -> Reach {
    Reach::new(Arc::new(Live::new(rules))).looking_up_by(dns(answers))
}

#[tokio::test]
async fn every_attempt_is_judged_by_the_answer_that_it_connects_to() {
    let reach = reach(rules("", ""), &[("cam.example", &["203.0.113.9", "169.254.169.254"])]);
    let source = source("cam.example");
    let first = reach.addresses(&source).await.unwrap();
    assert_eq!(first, ["203.0.113.9:554".parse().unwrap()]);
    let second = reach.addresses(&source).await.unwrap_err();
    assert!(second.to_string().contains("metadata"), "{second}");
}

#[tokio::test]
async fn of_several_addresses_those_that_are_good_are_left_in_their_order() {
    let answers: &[(&str, &[&str])] =
        &[("cam.example", &["fe80::1 2001:db8::1 169.254.169.254 203.0.113.9 2001:db8::1"])];
    let good = reach(rules("", ""), answers).addresses(&source("cam.example:8554")).await.unwrap();
    let expected = ["[2001:db8::1]:8554", "203.0.113.9:8554"].map(|text| text.parse().unwrap());
    assert_eq!(good, expected);
    let none = reach(rules("10.0.0.0/8", ""), answers).addresses(&source("cam.example")).await;
    assert!(none.is_err());
}

#[tokio::test]
async fn odd_forms_of_addresses_are_judged_by_what_the_operating_system_makes_of_them() {
    let reach = Reach::new(Arc::new(Live::new(rules("", "127.0.0.0/8,[::1]"))));
    for host in ["localhost", "127.1", "0x7f000001", "2130706433", "127.0.0.1", "[::ffff:127.0.0.1]"] {
        let error = reach.addresses(&source(host)).await.unwrap_err();
        assert!(error.to_string().contains("SOURCE_DENY"), "{host}: {error}");
    }
}

#[tokio::test]
async fn rules_that_are_set_count_from_the_next_attempt_on() {
    let live = Arc::new(Live::new(rules("", "")));
    let reach = Reach::new(live.clone());
    let source = source("127.0.0.1:9");
    assert!(reach.addresses(&source).await.is_ok());
    live.set(rules("", "127.0.0.0/8"));
    assert!(matches!(reach.addresses(&source).await, Err(IngestError::Refused(_))));
}

#[tokio::test]
async fn a_person_at_a_terminal_reaches_everything() {
    let reach = Reach::open();
    for host in ["169.254.169.254", "127.0.0.1:22", "0.0.0.0", "localhost"] {
        assert!(reach.addresses(&source(host)).await.is_ok(), "{host}");
    }
}
