//! Lists against a plain deque, under limits small enough that every kind of node comes up.

use std::collections::VecDeque;

use super::*;
use crate::base::rng::Rng;

type Model = VecDeque<Vec<u8>>;

fn check(list: &List, model: &Model) {
    list.validate();
    assert_eq!(list.len(), model.len());
    assert_eq!(list.is_empty(), model.is_empty());
    let mut all = Vec::new();
    list.for_each(|item| all.push(item.to_vec()));
    assert_eq!(&Model::from(all), model);
}

/// Elements that repeat, numbers among them, some too large to share a node.
fn any_element(rng: &mut Rng) -> Vec<u8> {
    match rng.below(8) {
        0..=2 => rng.below(30).to_string().into_bytes(),
        3 => vec![b'a' + rng.below(3) as u8; rng.below(200) as usize],
        4 if rng.below(8) == 0 => vec![b'z'; 3000 + rng.below(6000) as usize],
        _ => format!("element {}", rng.below(10)).into_bytes(),
    }
}

fn any_limits(rng: &mut Rng) -> Limits {
    let sizes = [-1, -1, -2, 0, 1, 2, 3, 5, 30, 128];
    Limits {
        node_size: sizes[rng.index(sizes.len())],
        compress_depth: rng.below(3) as u32,
        big_element: [0, 0, 0, 12, 150][rng.index(5)],
    }
}

fn any_end(rng: &mut Rng) -> End {
    if rng.below(2) == 0 {
        End::Head
    } else {
        End::Tail
    }
}

fn push(list: &mut List, model: &mut Model, end: End, elements: &[Vec<u8>], limits: &Limits) {
    list.grow_for(elements.iter().map(Vec::len).sum(), elements.len(), limits);
    for element in elements {
        list.push(end, element, limits);
        match end {
            End::Head => model.push_front(element.clone()),
            End::Tail => model.push_back(element.clone()),
        }
    }
}

/// One random change to both; the change itself is checked, the contents afterwards by `check`.
fn step(rng: &mut Rng, list: &mut List, model: &mut Model, limits: &Limits) {
    let element = any_element(rng);
    let index = rng.index(model.len() + 1);
    let choice = rng.below(20);
    match choice {
        0..=7 => {
            let most = if rng.below(10) == 0 { 60 } else { 3 };
            let elements: Vec<_> = (0..rng.below(most)).map(|_| any_element(rng)).collect();
            push(list, model, any_end(rng), &elements, limits);
        }
        8 => {
            let shared = Arc::new(element.clone());
            list.grow_for(element.len(), 1, limits);
            list.push_shared(End::Tail, &shared, limits);
            model.push_back(element);
        }
        9..=10 => {
            for _ in 0..rng.below(12) {
                assert_eq!(list.pop_head(limits), model.pop_front());
            }
        }
        11 => {
            for _ in 0..rng.below(12) {
                assert_eq!(list.pop_tail(limits), model.pop_back());
            }
        }
        12..=13 => {
            let from_end = index as i64 - model.len() as i64;
            let at = if rng.below(2) == 0 {
                index as i64
            } else {
                from_end
            };
            // The index of one past the last, counted from the end, is the first element.
            let place = if at < 0 || index < model.len() {
                Some(index)
            } else {
                (at == 0).then_some(0)
            };
            let place = place.filter(|place| *place < model.len());
            assert_eq!(list.set(at, &element, limits), place.is_some());
            if let Some(place) = place {
                model[place] = element;
            }
        }
        14..=15 => {
            let pivot = model
                .get(index)
                .cloned()
                .unwrap_or_else(|| any_element(rng));
            let side = if rng.below(2) == 0 {
                Side::Before
            } else {
                Side::After
            };
            let found = model.iter().position(|element| *element == pivot);
            assert_eq!(list.insert(side, &pivot, &element, limits), found.is_some());
            if let Some(found) = found {
                model.insert(found + usize::from(side == Side::After), element);
            }
        }
        16 => {
            let count = rng.range(-3, 3);
            let target = model.get(index).cloned().unwrap_or(element);
            let mut places: Vec<usize> = (0..model.len())
                .filter(|place| model[*place] == target)
                .collect();
            match count {
                1.. => places.truncate(count as usize),
                0 => {}
                _ => {
                    let kept = places.len().min(count.unsigned_abs() as usize);
                    places.drain(..places.len() - kept);
                }
            }
            assert_eq!(list.remove(count, &target, limits), places.len());
            for place in places.iter().rev() {
                model.remove(*place);
            }
        }
        17..=18 => {
            let count = rng.index(8);
            let end = (index + count).min(model.len());
            assert_eq!(list.delete_range(index, count, limits), end - index);
            model.drain(index..end);
        }
        _ => {
            let first = rng.index(4).min(model.len());
            let count = rng
                .index(model.len() + 1)
                .max(model.len().saturating_sub(6));
            let before = model.len();
            let end = (first + count).min(model.len());
            model.truncate(end);
            model.drain(..first);
            assert_eq!(list.trim(first, count, limits), before - model.len());
        }
    }
}

#[test]
fn follows_a_deque_through_random_edits() {
    for seed in 0..150 {
        let mut rng = Rng::from_seed(seed);
        let limits = any_limits(&mut rng);
        let (mut list, mut model) = (List::new(), Model::new());
        // A copy taken in the middle shares nodes: it must not see what happens afterwards.
        let mut copy = (list.clone(), model.clone());
        for _ in 0..120 {
            step(&mut rng, &mut list, &mut model, &limits);
            check(&list, &model);
            check_reads(&mut rng, &list, &model);
            if rng.below(25) == 0 {
                check(&copy.0, &copy.1);
                copy = (list.clone(), model.clone());
            }
        }
        check(&copy.0, &copy.1);
    }
}

fn check_reads(rng: &mut Rng, list: &List, model: &Model) {
    let index = rng.index(model.len() + 2);
    assert_eq!(list.get(index as i64).as_ref(), model.get(index));
    let from_end = model
        .len()
        .checked_sub(index + 1)
        .map(|place| &model[place]);
    assert_eq!(list.get(-1 - index as i64).as_ref(), from_end);

    let count = rng.index(20);
    let mut found = Vec::new();
    list.for_range(index, count, Direction::Forward, |item| {
        found.push(item.to_vec());
    });
    assert!(found.iter().eq(model.iter().skip(index).take(count)));
    let mut found = Vec::new();
    list.for_range(index, count, Direction::Backward, |item| {
        found.push(item.to_vec());
    });
    let expected = model.iter().take(index + 1).rev().take(count);
    if index < model.len() {
        assert!(found.iter().eq(expected));
    } else {
        assert!(found.is_empty());
    }

    let text = model
        .get(index)
        .cloned()
        .unwrap_or_else(|| any_element(rng));
    let (skip, most) = (rng.index(3), rng.index(40));
    let matching = |place: &usize| model[*place] == text;
    let mut found = Vec::new();
    let mut note = |place| {
        found.push(place);
        ControlFlow::Continue(())
    };
    list.search(&text, skip, most, Direction::Forward, &mut note);
    let expected: Vec<usize> = (0..model.len())
        .take(most)
        .filter(matching)
        .skip(skip)
        .collect();
    assert_eq!(std::mem::take(&mut found), expected);
    let mut note = |place| {
        found.push(place);
        ControlFlow::Continue(())
    };
    list.search(&text, skip, most, Direction::Backward, &mut note);
    let expected: Vec<usize> = (0..model.len())
        .rev()
        .take(most)
        .filter(matching)
        .skip(skip)
        .collect();
    assert_eq!(found, expected);
}

/// Goal: what `nodes` shows rebuilds the list, as a file would.
#[test]
fn nodes_rebuild_the_list() {
    for seed in 0..60 {
        let mut rng = Rng::from_seed(seed);
        let limits = Limits {
            compress_depth: 0,
            ..any_limits(&mut rng)
        };
        let (mut list, mut model) = (List::new(), Model::new());
        for _ in 0..60 {
            step(&mut rng, &mut list, &mut model, &limits);
        }
        let mut copy = List::quick(&limits);
        let mut count = 0;
        for (node, elements) in list.nodes() {
            count += elements;
            match node {
                NodeView::Packed(blob) => {
                    copy.append_listpack(Listpack::parse(blob).expect("a listpack"), &limits);
                }
                NodeView::Plain(element) => copy.append_plain(element.to_vec(), &limits),
                NodeView::Compressed { .. } => unreachable!("compression is off"),
            }
        }
        copy.settle(&limits);
        assert_eq!(count, model.len());
        check(&copy, &model);
    }
}

/// A queue that is pushed at one end and popped at the other stays small, whichever way round.
#[test]
fn a_queue_does_not_grow() {
    let limits = Limits::default();
    for (push_end, pop_end) in [(End::Head, End::Tail), (End::Tail, End::Head)] {
        let mut list = List::new();
        for round in 0..100_000_i64 {
            list.grow_for(20, 1, &limits);
            list.push(push_end, format!("element {round:012}").as_bytes(), &limits);
            if round >= 2000 {
                let oldest = format!("element {:012}", round - 2000);
                assert_eq!(list.pop(pop_end, &limits), Some(oldest.into_bytes()));
            }
        }
        assert_eq!(list.len(), 2000);
        assert!(list.memory() < 2000 * 22 * 2, "{}", list.memory());
    }
}

/// Goal: what lies between the configured depths is compressed, whatever made it come to lie there.
#[test]
fn the_interior_is_compressed() {
    let limits = Limits {
        node_size: 8,
        compress_depth: 2,
        big_element: 0,
    };
    let (mut list, mut model) = (List::new(), Model::new());
    let elements: Vec<_> = (0..400)
        .map(|at| format!("many elements like {at}").into_bytes())
        .collect();
    push(&mut list, &mut model, End::Head, &elements[..200], &limits);
    push(&mut list, &mut model, End::Tail, &elements[200..], &limits);
    for round in 0..30 {
        check(&list, &model);
        let interior = 2..list.node_count() - 2;
        for (index, (node, _)) in list.nodes().enumerate() {
            let is_compressed = match node {
                NodeView::Compressed { .. } => true,
                // Cutting a node leaves some that are too short to be worth it.
                NodeView::Packed(blob) => interior.contains(&index) && blob.len() < 80,
                NodeView::Plain(_) => false,
            };
            assert_eq!(
                is_compressed,
                interior.contains(&index),
                "node {index} in round {round}"
            );
        }
        let middle = model.len() / 2;
        assert!(list.set(middle as i64, &vec![b'x'; round], &limits));
        model[middle] = vec![b'x'; round];
        assert!(list.insert(
            Side::After,
            &model[middle],
            b"inserted, and that is all",
            &limits
        ));
        let found = model.iter().position(|element| *element == model[middle]);
        model.insert(
            found.expect("it is there") + 1,
            b"inserted, and that is all".to_vec(),
        );
        for _ in 0..5 {
            assert_eq!(list.pop_head(&limits), model.pop_front());
            assert_eq!(list.pop_tail(&limits), model.pop_back());
        }
    }
}

#[test]
fn a_handle_is_two_words() {
    assert_eq!(size_of::<List>(), 16);
}
