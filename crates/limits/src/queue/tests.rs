use proptest::prelude::*;

use super::*;

const CLIENT: Priority = Priority::Interactive;
const NOBODY: Priority = Priority::Background;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn queue() -> Queue<char> {
    Queue::up_to(800)
}

fn join(queue: &mut Queue<char>, of: &str) -> Vec<Place<char>> {
    let join = |of| queue.join(of, CLIENT, Duration::ZERO).unwrap();
    of.chars().map(join).collect()
}

fn order(queue: &mut Queue<char>) -> String {
    std::iter::from_fn(|| queue.take_first().map(|place| place.of)).collect()
}

#[test]
fn one_neighbour_goes_after_the_other_however_many_places_each_has() {
    for (came, goes) in [
        ("", ""),
        ("aaa", "aaa"),
        ("aaaab", "abaaa"),
        ("aaaabb", "ababaa"),
        ("abcabc", "abcabc"),
        ("aaabbbc", "abcabab"),
    ] {
        let mut queue = queue();
        join(&mut queue, came);
        assert_eq!(order(&mut queue), goes, "{came}");
    }
}

#[test]
fn who_had_a_turn_goes_behind_who_comes_then() {
    let mut queue = queue();
    join(&mut queue, "aaa");
    assert_eq!(queue.take_first().unwrap().of, 'a');
    join(&mut queue, "b");
    assert_eq!(queue.take_first().unwrap().of, 'a', "it was there first");
    join(&mut queue, "c");
    assert_eq!(order(&mut queue), "bac");
}

#[test]
fn of_one_neighbour_goes_first_who_can_wait_least_and_then_who_came_first() {
    let mut queue = queue();
    let came: Vec<_> = [20, 8, 20, 8]
        .map(|until| queue.join('a', CLIENT, seconds(until)).unwrap())
        .into();
    let goes: Vec<_> = std::iter::from_fn(|| queue.take_first()).collect();
    assert_eq!(goes, [1, 3, 0, 2].map(|place: usize| came[place].clone()));
}

#[test]
fn clients_go_before_what_nobody_waits_for_and_who_is_lifted_is_a_client() {
    let mut queue = queue();
    let nobodys = queue.join('n', NOBODY, seconds(0)).unwrap();
    let lifted = queue.join('l', NOBODY, seconds(0)).unwrap();
    assert!(queue.is_before(NOBODY) && !queue.is_before(CLIENT));
    join(&mut queue, "cc");
    assert!(queue.is_before(CLIENT));
    assert_eq!(queue.ahead_of(&nobodys), 2);
    assert_eq!(queue.ahead_of(&lifted), 3);
    let lifted = queue.lift(&lifted);
    assert_eq!(queue.ahead_of(&lifted), 1);
    assert_eq!(queue.ahead_of(&nobodys), 3);
    assert_eq!(order(&mut queue), "clcn");
    let lifted = queue.lift(&lifted);
    assert!(queue.is_empty(), "it has had its turn: {lifted:?}");
}

#[test]
fn one_neighbour_leaves_an_eighth_and_all_together_get_no_more_than_there_are() {
    let mut queue = Queue::up_to(80);
    for _ in 0..70 {
        queue.join(1, CLIENT, seconds(0)).unwrap();
    }
    assert_eq!(queue.join(1, CLIENT, seconds(0)), Err(Full));
    assert_eq!(queue.join(1, NOBODY, seconds(0)), Err(Full));
    for of in 2..12 {
        queue.join(of, CLIENT, seconds(0)).unwrap();
    }
    assert_eq!(queue.join(12, CLIENT, seconds(0)), Err(Full));
    let first = queue.take_first().unwrap();
    assert!(!queue.leave(&first));
    queue.join(12, CLIENT, seconds(0)).unwrap();
    let mut tiny = Queue::up_to(1);
    tiny.join('a', CLIENT, seconds(0)).unwrap();
}

/// What happens to a queue.
#[derive(Debug, Clone)]
enum Act {
    Join(u8, bool, u64),
    Take,
    Leave(prop::sample::Index),
    Lift(prop::sample::Index),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..6_u8, any::<bool>(), 0..3_u64).prop_map(|(of, client, until)| Act::Join(of, client, until)),
        2 => Just(Act::Take),
        1 => any::<prop::sample::Index>().prop_map(Act::Leave),
        1 => any::<prop::sample::Index>().prop_map(Act::Lift),
    ]
}

/// Who waits after these acts, and in which queue.
fn play(acts: Vec<Act>) -> (Queue<u8>, Vec<Place<u8>>) {
    let (mut queue, mut waiting) = (Queue::up_to(64), Vec::new());
    for act in acts {
        match act {
            Act::Join(of, is_client, until) => {
                let priority = if is_client { CLIENT } else { NOBODY };
                let foretold = queue.ahead_of_newcomer(&of, priority, (seconds(until), 1));
                if let Ok(place) = queue.join(of, priority, seconds(until)) {
                    assert_eq!(queue.ahead_of(&place), foretold);
                    waiting.push(place);
                }
            }
            Act::Take => {
                let taken = queue.take_first();
                waiting.retain(|place| Some(place) != taken.as_ref());
            }
            Act::Leave(which) if !waiting.is_empty() => {
                let place = waiting.swap_remove(which.index(waiting.len()));
                assert!(queue.leave(&place));
            }
            Act::Lift(which) if !waiting.is_empty() => {
                let place = waiting.swap_remove(which.index(waiting.len()));
                waiting.push(queue.lift(&place));
            }
            Act::Leave(_) | Act::Lift(_) => {}
        }
        assert_eq!(queue.len(), waiting.len());
    }
    (queue, waiting)
}

proptest! {
    #[test]
    fn everybody_goes_once_and_when_it_was_foretold(acts in prop::collection::vec(act(), 0..80)) {
        let (mut queue, waiting) = play(acts);
        let foretold: Vec<_> = waiting.iter().map(|place| queue.ahead_of(place)).collect();
        let goes: Vec<_> = std::iter::from_fn(|| queue.take_first()).collect();
        prop_assert_eq!(goes.len(), waiting.len());
        for (place, ahead) in waiting.iter().zip(foretold) {
            prop_assert_eq!(&goes[ahead], place);
        }
    }

    #[test]
    fn between_two_turns_of_one_all_others_have_one(acts in prop::collection::vec(act(), 0..80)) {
        let (mut queue, _) = play(acts);
        let goes: Vec<_> = std::iter::from_fn(|| queue.take_first()).collect();
        let is_clients_first = goes.is_sorted_by_key(|place| place.priority == NOBODY);
        prop_assert!(is_clients_first);
        for priority in [CLIENT, NOBODY] {
            let of: Vec<_> = goes.iter().filter(|place| place.priority == priority).map(|place| place.of).collect();
            for (first, neighbour) in of.iter().enumerate() {
                let Some(next) = of[first + 1..].iter().position(|other| other == neighbour) else { continue };
                let between = &of[first + 1..=first + next];
                let waits_on = of[first + 1 + next..].iter().filter(|other| *other != neighbour);
                for other in waits_on {
                    prop_assert!(between.contains(other), "{other} has no turn between two of {neighbour}");
                }
            }
        }
    }
}
