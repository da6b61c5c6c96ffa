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
            unsaved: false,
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
    };
    LinkEvent::Answer { link, answer }
}

fn request(id: u64) -> Request {
    Request { id, line: "show switch".into() }
}

fn ready() -> Session {
    let mut session = Session::new(2, false);
    assert!(session.heard(announce(0, "a", true, 1)).is_empty());
    assert!(session.heard(announce(1, "b", false, 1)).is_empty());
    session
}

#[test]
fn a_command_goes_to_the_master_and_its_answer_ends_it() {
    let mut session = ready();
    let now = Instant::now();
    assert_eq!(session.begin(now, 7, "show switch".into()), [Action::Send(0, request(7))]);
    assert!(session.heard(answer(1, 7, true, false)).is_empty(), "not from whom it was asked");
    assert!(session.heard(answer(0, 6, true, false)).is_empty(), "not what was asked");
    let done = session.heard(answer(0, 7, true, false));
    assert!(matches!(&done[..], [Action::Finish(Finished { result: Ok(data), .. })] if data == b"{}"));
    assert_eq!(session.deadline(), None);
}

#[test]
fn a_command_in_flight_at_a_crash_goes_to_the_new_master_with_the_same_id() {
    let mut session = ready();
    session.begin(Instant::now(), 7, "show switch".into());
    assert!(session.heard(LinkEvent::Lost { link: 0 }).is_empty(), "nobody is master");
    assert_eq!(
        session.heard(announce(1, "b", true, 2)),
        [Action::NewMaster("b".into()), Action::Send(1, request(7))]
    );
}

#[test]
fn a_refusal_of_a_former_master_is_no_answer() {
    let mut session = ready();
    session.begin(Instant::now(), 7, "show switch".into());
    assert!(session.heard(answer(0, 7, false, true)).is_empty());
    assert_eq!(
        session.heard(announce(1, "b", true, 2)),
        [Action::NewMaster("b".into()), Action::Send(1, request(7))]
    );
}

#[test]
fn of_two_who_say_master_the_higher_epoch_is_believed() {
    let mut session = ready();
    session.heard(announce(1, "b", true, 2));
    assert_eq!(session.begin(Instant::now(), 7, "show switch".into()), [Action::Send(1, request(7))]);
}

#[test]
fn without_a_master_the_wait_ends_with_what_is_wrong() {
    let mut session = Session::new(2, false);
    let now = Instant::now();
    assert!(session.begin(now, 7, "show switch".into()).is_empty());
    session.heard(LinkEvent::Unreachable { link: 0, why: "/run/x/cli-a.sock: No such file".into() });
    assert!(session.expire(now).is_empty());
    let done = session.expire(now + PATIENCE);
    let [Action::Finish(Finished { result: Err(why), .. })] = &done[..] else { panic!("{done:?}") };
    assert!(why.contains("no master") && why.contains("cli-a.sock"), "{why}");
}

#[test]
fn a_fixed_session_asks_a_slave_and_takes_its_no() {
    let mut session = Session::new(1, true);
    session.heard(announce(0, "b", false, 1));
    assert_eq!(session.begin(Instant::now(), 7, "show switch".into()), [Action::Send(0, request(7))]);
    let done = session.heard(answer(0, 7, false, true));
    assert!(matches!(&done[..], [Action::Finish(Finished { result: Err(_), .. })]));
}
