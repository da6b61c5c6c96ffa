use super::super::messages::Answer;
use super::*;

fn announce(link: usize, slot: &str, master: bool, epoch: u64) -> LinkEvent {
    let role = if master { "master" } else { "slave" };
    LinkEvent::Announce {
        link,
        announce: Announce {
            slot: slot.into(),
            role: role.into(),
            master,
            epoch,
            sys_name: "bed".into(),
            ..Announce::default()
        },
    }
}

fn answer(link: usize, id: u64, ok: bool, elsewhere: bool) -> LinkEvent {
    let answer = Answer {
        id,
        ok,
        elsewhere,
        error: if ok { String::new() } else { "no".into() },
        data: b"{}".to_vec(),
        last: true,
        role: "master".into(),
        file: false,
    };
    LinkEvent::Answer { link, answer }
}

fn request(id: u64) -> Request {
    Request { id, line: "show switch".into(), ..Request::default() }
}

fn order(id: u64) -> Order {
    Order { id, line: "show switch".into(), ..Order::default() }
}

fn part(link: usize, id: u64, data: &[u8], file: bool) -> LinkEvent {
    let answer = Answer { id, data: data.to_vec(), file, role: "master".into(), ..Answer::default() };
    LinkEvent::Answer { link, answer }
}

/// What it does at a time that does not matter.
fn hear(session: &mut Session, event: LinkEvent) -> Vec<Action> {
    session.heard(Instant::now(), event)
}

fn ready() -> Session {
    let mut session = Session::new(2, false);
    assert!(hear(&mut session, announce(0, "a", true, 1)).is_empty());
    assert!(hear(&mut session, announce(1, "b", false, 1)).is_empty());
    session
}

#[test]
fn a_command_goes_to_the_master_and_its_answer_ends_it() {
    let mut session = ready();
    let now = Instant::now();
    assert_eq!(session.begin(now, order(7)), [Action::Send(0, request(7))]);
    assert!(hear(&mut session, answer(1, 7, true, false)).is_empty(), "not from whom it was asked");
    assert!(hear(&mut session, answer(0, 6, true, false)).is_empty(), "not what was asked");
    let done = hear(&mut session, answer(0, 7, true, false));
    let [Action::Data(data), Action::Finish(Finished { result: Ok(()), .. })] = &done[..] else {
        panic!("{done:?}")
    };
    assert_eq!(data, b"{}");
    assert_eq!(session.deadline(), None);
}

#[test]
fn a_command_in_flight_at_a_crash_goes_to_the_new_master_with_the_same_id() {
    let mut session = ready();
    session.begin(Instant::now(), order(7));
    assert!(hear(&mut session, LinkEvent::Lost { link: 0 }).is_empty(), "nobody is master");
    assert_eq!(
        hear(&mut session, announce(1, "b", true, 2)),
        [Action::NewMaster("b".into()), Action::Send(1, request(7))]
    );
}

#[test]
fn a_refusal_of_a_former_master_is_no_answer() {
    let mut session = ready();
    session.begin(Instant::now(), order(7));
    assert!(hear(&mut session, answer(0, 7, false, true)).is_empty());
    assert_eq!(
        hear(&mut session, announce(1, "b", true, 2)),
        [Action::NewMaster("b".into()), Action::Send(1, request(7))]
    );
}

#[test]
fn of_two_who_say_master_the_higher_epoch_is_believed() {
    let mut session = ready();
    hear(&mut session, announce(1, "b", true, 2));
    assert_eq!(session.begin(Instant::now(), order(7)), [Action::Send(1, request(7))]);
}

#[test]
fn without_a_master_the_wait_ends_with_what_is_wrong() {
    let mut session = Session::new(2, false);
    let now = Instant::now();
    assert!(session.begin(now, order(7)).is_empty());
    hear(
        &mut session,
        LinkEvent::Unreachable { link: 0, why: "/run/x/cli-a.sock: No such file".into(), denied: false },
    );
    assert!(session.expire(now).is_empty());
    let done = session.expire(now + PATIENCE);
    let [Action::Finish(Finished { result: Err(why), unanswered: true, .. })] = &done[..] else {
        panic!("{done:?}")
    };
    assert!(why.contains("no master") && why.contains("cli-a.sock"), "{why}");
}

#[test]
fn who_may_not_connect_is_told_at_once() {
    let mut session = Session::new(2, false);
    assert!(session.begin(Instant::now(), order(7)).is_empty());
    let denied =
        |link| LinkEvent::Unreachable { link, why: "cli.sock: Permission denied".into(), denied: true };
    assert!(hear(&mut session, denied(0)).is_empty(), "the other one may let it in");
    let done = hear(&mut session, denied(1));
    let [Action::Finish(Finished { result: Err(why), unanswered: true, .. })] = &done[..] else {
        panic!("{done:?}")
    };
    assert!(why.contains("group msm"), "{why}");
    assert_eq!(session.begin(Instant::now(), order(8)).len(), 1, "and told again");
}

#[test]
fn a_fixed_session_asks_a_slave_and_takes_its_no() {
    let mut session = Session::new(1, true);
    hear(&mut session, announce(0, "b", false, 1));
    assert_eq!(session.begin(Instant::now(), order(7)), [Action::Send(0, request(7))]);
    let done = hear(&mut session, answer(0, 7, false, true));
    assert!(matches!(&done[..], [Action::Data(_), Action::Finish(Finished { result: Err(_), .. })]));
}

#[test]
fn an_answer_that_began_at_a_dead_master_begins_again() {
    let mut session = ready();
    session.begin(Instant::now(), order(7));
    assert_eq!(hear(&mut session, part(0, 7, b"{", false)), [Action::Data(b"{".to_vec())]);
    assert_eq!(hear(&mut session, LinkEvent::Lost { link: 0 }), [Action::Again]);
    assert_eq!(
        hear(&mut session, announce(1, "b", true, 2)),
        [Action::NewMaster("b".into()), Action::Send(1, request(7))]
    );
}

#[test]
fn what_can_be_done_once_ends_with_its_msm() {
    let mut session = ready();
    session.begin(Instant::now(), Order { once: true, ..order(7) });
    assert_eq!(hear(&mut session, part(0, 7, b"x", true)), [Action::File(b"x".to_vec())]);
    let done = hear(&mut session, LinkEvent::Lost { link: 0 });
    assert!(
        matches!(&done[..], [Action::Finish(Finished { result: Err(_), unanswered: true, .. })]),
        "{done:?}"
    );
    assert!(hear(&mut session, announce(1, "b", true, 2)).len() == 1, "it is not sent again");
}

#[test]
fn a_long_command_is_waited_for_as_long_as_it_says_and_each_part_counts_anew() {
    let mut session = ready();
    let now = Instant::now();
    let longer = Duration::from_secs(60);
    session.begin(now, Order { longer, ..order(7) });
    assert_eq!(session.deadline(), Some(now + PATIENCE + longer));
    let later = now + longer;
    session.heard(later, part(0, 7, b"x", true));
    assert_eq!(session.deadline(), Some(later + PATIENCE + longer));
    assert!(session.expire(later + PATIENCE).is_empty());
}

#[test]
fn a_command_given_up_is_cancelled_at_its_msm_and_ends_with_what_that_says() {
    let mut session = ready();
    let now = Instant::now();
    session.begin(now, order(7));
    let cancel = Request { id: 7, cancel: true, ..Request::default() };
    assert_eq!(session.cancel(now), [Action::Send(0, cancel)]);
    assert_eq!(session.deadline(), Some(now + LAST_WORDS));
    let done = hear(&mut session, answer(0, 7, false, true));
    assert!(matches!(done.last(), Some(Action::Finish(Finished { unanswered: false, .. }))), "{done:?}");
    session.begin(now, order(8));
    session.cancel(now);
    let done = session.cancel(now);
    assert!(matches!(&done[..], [Action::Finish(Finished { unanswered: true, .. })]), "a second time");
}
