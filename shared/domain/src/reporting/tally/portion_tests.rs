use super::super::samples::{at, change, queued, tried};
use super::*;
use crate::delivery::record::RecordStatus;

fn accepted(n: u8, secs: i64) -> Change {
    change(n, at(secs), None, Some(queued()))
}

fn only(changes: &[Change]) -> Portion {
    let mut portions = portions(changes);
    assert_eq!(portions.len(), 1);
    portions.remove(0)
}

#[test]
fn sequence_numbers_order_as_numbers_do() {
    fn read(text: &str) -> Sequence {
        Sequence::parse(text).unwrap()
    }
    assert!(read("9") < read("10"));
    assert_eq!(read("7").as_str().len(), 40);
    assert_eq!(read(&"9".repeat(40)).as_str().len(), 40);
    assert_eq!(read("5").as_str(), format!("{:0>40}", 5));
    let long = [
        read(&"9".repeat(40)),
        read(&"1".repeat(41)),
        read(&"1".repeat(56)),
        read(&"9".repeat(64)),
    ];
    assert!(long.is_sorted() && long.iter().all(|number| number.as_str() < Sequence::END));
    assert_eq!(read(&format!("{:0>64}", 7)), read("7"));
    for none in ["", "-1", "1 ", "x", &"1".repeat(65)] {
        assert_eq!(Sequence::parse(none), None, "{none}");
    }
}

#[test]
fn equal_sequence_numbers_of_two_emails_are_two_changes() {
    let sequence = || Sequence::parse("5").unwrap();
    let [one, other] = [1, 2].map(|n| ChangeId::new(&accepted(n, 0).key, sequence(), at(0)));
    assert_ne!(one.fingerprint, other.fingerprint);
}

#[test]
fn a_tally_sums_the_uncounted_changes() {
    let changes = [accepted(1, 0), accepted(2, 1), accepted(3, 61)];
    let portion = only(&changes);
    let counted = BTreeSet::from([changes[1].change_id.fingerprint]);
    let versions = Versions::from([(portion.counters().first().unwrap().clone(), 7)]);
    let tally = portion.tally(&versions, &counted).unwrap();
    assert_eq!(
        tally.updates.iter().map(|update| update.seen).collect::<Vec<_>>(),
        [7, 0, 0]
    );
    for update in &tally.updates {
        assert!(update.delta.figures.values().all(|by| *by == 2), "{update:?}");
    }
    let markers: Vec<_> = tally.markers.iter().map(|marker| marker.fingerprints.clone()).collect();
    assert_eq!(
        markers,
        [
            vec![changes[0].change_id.fingerprint],
            vec![changes[2].change_id.fingerprint]
        ]
    );
    let all = changes.iter().map(|change| change.change_id.fingerprint).collect();
    assert_eq!(portion.tally(&versions, &all), None);
}

#[test]
fn a_repeated_change_is_counted_once() {
    let tally = only(&[accepted(1, 0), accepted(1, 0)])
        .tally(&Versions::new(), &BTreeSet::new())
        .unwrap();
    assert!(
        tally
            .updates
            .iter()
            .all(|update| update.delta.figures.values().all(|by| *by == 1))
    );
}

/// Without this write, no check would notice another writer of one of the two changes.
#[test]
fn a_counter_with_a_zero_sum_is_still_written() {
    let claimed = change(
        1,
        at(0),
        Some(tried(RecordStatus::Queued)),
        Some(tried(RecordStatus::Sending)),
    );
    let given_back = change(
        2,
        at(0),
        Some(tried(RecordStatus::Sending)),
        Some(tried(RecordStatus::Queued)),
    );
    let tally = only(&[claimed, given_back])
        .tally(&Versions::new(), &BTreeSet::new())
        .unwrap();
    assert_eq!(tally.updates.len(), 1);
    assert!(tally.updates[0].delta.figures.values().all(|by| *by == 0), "{tally:?}");
}

#[test]
fn spans_start_at_each_minutes_first_change() {
    let portion = only(&[accepted(9, 59), accepted(5, 3), accepted(7, 60)]);
    let spans: Vec<_> = portion
        .spans()
        .into_iter()
        .map(|span| (span.minute, span.first))
        .collect();
    let sequence = |n: u32| Sequence::parse(&n.to_string()).unwrap();
    assert_eq!(spans, [(at(0), sequence(1005)), (at(60), sequence(1007))]);
    let tally = portion.tally(&Versions::new(), &BTreeSet::new()).unwrap();
    assert_eq!(tally.markers[0].last, sequence(1009));
}

#[test]
fn a_portion_fits_into_a_transaction() {
    // Each change has an hour of its own, with two counters of flow and a marker. All changes share one more counter.
    let changes: Vec<_> = (0..=200).map(|n| accepted(n, i64::from(n) * 3600)).collect();
    let portions = portions(&changes);
    assert!(portions.len() > 1);
    let items = |portion: &Portion| {
        let tally = portion.tally(&Versions::new(), &BTreeSet::new()).unwrap();
        tally.updates.len() + tally.markers.len()
    };
    assert!(portions.iter().all(|portion| (1..=ITEMS_MAX).contains(&items(portion))));
    assert!(items(&portions[0]) > ITEMS_MAX - 4, "as many as fit");
    assert_eq!(portions.iter().map(Portion::len).sum::<usize>(), changes.len());
    assert!(super::portions(&[change(1, at(0), None, None)]).is_empty());
}
