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
                    copy.append_listpack(Listpack::parse(&blob).expect("a listpack"), &limits);
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

/// Goal: nobody can tell rows from the listpack they stand for. The twin never has rows, because it gives them up
/// before each step.
#[test]
fn rows_look_like_their_listpack() {
    let mut rounds_with_rows = 0;
    for seed in 0..200 {
        let mut rng = Rng::from_seed(seed);
        let limits = Limits {
            node_size: [-1, -2, -2, 10, 30, 100][rng.index(6)],
            ..Limits::default()
        };
        let alike = 1 + rng.below(3000);
        let any_text = |rng: &mut Rng| match rng.below(40) {
            0 => vec![b'l'; rng.index(130)],
            1 => vec![END_BYTE; rng.index(3)],
            2 => rng.range(-9, 9).to_string().into_bytes(),
            3 if rng.one_in(8) => rng.range(-99_999, 99_999).to_string().into_bytes(),
            4 if rng.one_in(8) => vec![b'z'; 5000],
            _ => format!("element:{:04}", rng.below(alike)).into_bytes(),
        };
        let (mut list, mut model) = (List::new(), Model::new());
        let mut twin = List::new();
        for round in 0..300 {
            if let List::Small(small) = &mut twin {
                small.unpack(0);
            }
            // Up to the border and down again, several times.
            let is_growing = round / 50 % 2 == 0;
            let text = any_text(&mut rng);
            let index = rng.index(model.len() + 1);
            let target = model.get(index).cloned().unwrap_or(text.clone());
            let end = any_end(&mut rng);
            let mut all = [&mut list, &mut twin];
            match rng.below(8) {
                0..=2 if is_growing => {
                    let texts: Vec<_> = (0..=rng.index(4)).map(|_| any_text(&mut rng)).collect();
                    let bytes = texts.iter().map(Vec::len).sum();
                    for list in &mut all {
                        list.grow_for(bytes, texts.len(), &limits);
                        let pushed = list.push_first(end, texts.iter().map(Vec::as_slice));
                        for text in &texts[pushed..] {
                            list.push(end, text, &limits);
                        }
                    }
                    for text in texts {
                        match end {
                            End::Head => model.push_front(text),
                            End::Tail => model.push_back(text),
                        }
                    }
                }
                0..=2 => {
                    let popped = match end {
                        End::Head => model.pop_front(),
                        End::Tail => model.pop_back(),
                    };
                    for list in all {
                        assert_eq!(list.pop(end, &limits), popped);
                    }
                }
                3 => {
                    let is_there = index < model.len();
                    for list in all {
                        assert_eq!(list.set(index as i64, &text, &limits), is_there);
                    }
                    if is_there {
                        model[index] = text;
                    }
                }
                4 => {
                    let side = [Side::Before, Side::After][rng.index(2)];
                    let found = model.iter().position(|element| *element == target);
                    for list in all {
                        assert_eq!(list.insert(side, &target, &text, &limits), found.is_some());
                    }
                    if let Some(found) = found {
                        model.insert(found + usize::from(side == Side::After), text);
                    }
                }
                5 if !is_growing => {
                    let count = rng.range(-2, 2);
                    let removed = all.map(|list| list.remove(count, &target, &limits));
                    assert_eq!(removed[0], removed[1]);
                    let mut kept = Vec::new();
                    list.for_each(|item| kept.push(item.to_vec()));
                    assert_eq!(kept.len() + removed[0], model.len());
                    model = kept.into();
                }
                6 if !model.is_empty() => {
                    let to = any_end(&mut rng);
                    let moved = all.map(|list| list.rotate(end, to, &limits));
                    let expected = match end {
                        End::Head => model.pop_front(),
                        End::Tail => model.pop_back(),
                    };
                    let expected = expected.expect("it is not empty");
                    assert!(moved.iter().all(|element| *element == expected));
                    match to {
                        End::Head => model.push_front(expected),
                        End::Tail => model.push_back(expected),
                    }
                }
                _ => {
                    let count = rng.index(3).min(model.len() - index);
                    for list in all {
                        assert_eq!(list.delete_range(index, count, &limits), count);
                    }
                    model.drain(index..index + count);
                }
            }
            check(&list, &model);
            check(&twin, &model);
            check_reads(&mut rng, &list, &model);
            assert_eq!(list.encoding(), twin.encoding());
            let blobs = |list: &List| -> Vec<(Option<Vec<u8>>, usize)> {
                let blob = |(node, count)| match node {
                    NodeView::Packed(blob) => (Some(blob.into_owned()), count),
                    _ => (None, count),
                };
                list.nodes().map(blob).collect()
            };
            assert_eq!(blobs(&list), blobs(&twin));
            rounds_with_rows += usize::from(has_rows(&list));
            if model.is_empty() {
                (list, twin) = (List::new(), List::new());
            } else if rng.one_in(20) {
                // A list that comes back from a file has rows again.
                list = reloaded(&twin, &limits);
            }
        }
    }
    assert!(rounds_with_rows > 8000, "{rounds_with_rows}");
}

fn has_rows(list: &List) -> bool {
    matches!(list, List::Small(small) if small.is_rows())
}

fn reloaded(list: &List, limits: &Limits) -> List {
    let mut copy = List::quick(limits);
    for (node, _) in list.nodes() {
        match node {
            NodeView::Packed(blob) => {
                copy.append_listpack(Listpack::parse(&blob).expect("a listpack"), limits);
            }
            NodeView::Plain(element) => copy.append_plain(element.to_vec(), limits),
            NodeView::Compressed { .. } => unreachable!("compression is off"),
        }
    }
    if !matches!(list, List::Quick(_)) {
        copy.settle(limits);
    }
    copy
}

/// Goal: which lists are rows, and that these are much smaller.
#[test]
fn short_lists_of_similar_texts_are_rows() {
    let limits = Limits::default();
    let list_of = |texts: &[Vec<u8>]| {
        let mut list = List::new();
        push(&mut list, &mut Model::new(), End::Tail, texts, &limits);
        list
    };
    let names: Vec<_> = (0..33)
        .map(|i| format!("item:{i:06}").into_bytes())
        .collect();
    assert_eq!(list_of(&names[..10]).memory(), 40);
    assert!(has_rows(&list_of(&names[..32])));
    assert!(!has_rows(&list_of(&names)));
    // Numbers are smaller in binary, unless they begin alike.
    let spread: Vec<_> = (1..9)
        .map(|i: u64| (i * 7_654_321).to_string().into_bytes())
        .collect();
    assert!(!has_rows(&list_of(&spread)));
    let close: Vec<_> = (1..9)
        .map(|i: u64| (7_654_320 + i).to_string().into_bytes())
        .collect();
    assert!(has_rows(&list_of(&close)));
    // The byte that would make the rows look like a listpack.
    assert!(!has_rows(&list_of(&[vec![b'a', END_BYTE]])));
    assert!(has_rows(&list_of(&[vec![END_BYTE, b'a']])));
    // A file may store a number as text: it is kept as it came.
    let odd = [10, 0, 0, 0, 1, 0, 0x81, b'5', 2, END_BYTE];
    let mut list = List::quick(&limits);
    list.append_listpack(Listpack::parse(&odd).expect("a listpack"), &limits);
    list.settle(&limits);
    let (node, _) = list.nodes().next().expect("one node");
    assert!(matches!(node, NodeView::Packed(blob) if *blob == odd));
}

const END_BYTE: u8 = 255;

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

/// Goal: the nodes between the configured depths are compressed, however they came to lie there.
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
