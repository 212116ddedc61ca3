use super::*;
use crate::store::bins::Bins;

const COMPONENTS: usize = 24;

fn design(quantization: Quantization, m: usize) -> Design {
    Design {
        form: Form {
            quantization,
            dimension: COMPONENTS,
        },
        m,
        projects_from: None,
    }
}

fn vector(rng: &mut Rng) -> Vec<f32> {
    (0..COMPONENTS).map(|_| (rng.f64() - 0.5) as f32).collect()
}

impl VectorSet {
    /// What must hold between a set's parts.
    fn validate(&self) {
        let graph = &self.0.graph;
        let len = self.len() as Id;
        assert_eq!(self.0.graph.entrance.is_none(), len == 0);
        let mut attributed = 0;
        for id in 0..len {
            assert_eq!(self.find(self.name(id)), Some(id));
            attributed += usize::from(self.attributes(id).is_some());
            assert!(graph.edges.level(id) <= self.level());
            for layer in 0..=graph.edges.level(id) {
                let links = graph.edges.links(id, layer);
                let mut sorted = links.to_vec();
                sorted.sort_unstable();
                sorted.dedup();
                assert_eq!(sorted.len(), links.len(), "a link is there twice");
                for &link in links {
                    assert_ne!(link, id, "a link to oneself");
                    assert!(graph.edges.links(link, layer).contains(&id), "one way");
                }
                if let Some(farthest) = graph
                    .edges
                    .farthest(id, layer)
                    .filter(|_| !links.is_empty())
                {
                    let found = graph.look_for_farthest(id, layer);
                    let close = (found.distance - farthest.distance).abs() < 1e-6;
                    assert!(close, "{farthest:?} {found:?}");
                    let named = graph.distance(id, links[farthest.index()]);
                    assert!((named - farthest.distance).abs() < 1e-6);
                }
            }
        }
        assert_eq!(attributed, self.attributed());
        assert!(self.added() >= u64::from(len));
    }

    /// How many elements a search from the entrance comes to.
    fn reached(&self) -> usize {
        let vector = vec![1.0; COMPONENTS];
        self.search(&all(&vector)).len()
    }
}

fn all(vector: &[f32]) -> Query {
    Query {
        vector: vector.to_vec(),
        breadth: usize::MAX,
        filter: None,
        effort: 0,
        is_exhaustive: false,
    }
}

#[test]
fn elements_come_and_go_and_links_go_both_ways() {
    for (round, quantization) in [Quantization::None, Quantization::Bytes, Quantization::Bits]
        .into_iter()
        .enumerate()
    {
        let mut rng = Rng::from_seed(round as u64);
        let mut set = VectorSet::new(design(quantization, 4), Seed::fixed(1));
        let mut model: std::collections::BTreeMap<Vec<u8>, bool> =
            std::collections::BTreeMap::new();
        for step in 0..1500_u32 {
            let name = format!("{}", rng.below(300)).into_bytes();
            if rng.below(10) < 6 {
                let json = [None, Some(&b""[..]), Some(&b"{}"[..])][rng.index(3)];
                let is_new = set.add(&name, &vector(&mut rng), json, 20, &mut rng);
                assert_eq!(is_new, !model.contains_key(&name));
                let had = model.get(&name).copied().unwrap_or(false);
                let has = match json {
                    None => had,
                    Some([]) => is_new,
                    Some(_) => true,
                };
                model.insert(name, has);
            } else {
                assert_eq!(set.remove(&name), model.remove(&name).is_some());
            }
            assert_eq!(set.len(), model.len());
            if step % 50 == 0 {
                set.validate();
                let has = |name: &[u8]| set.attributes(set.find(name).unwrap()).is_some();
                assert!(model.iter().all(|(name, json)| has(name) == *json));
            }
        }
        assert_eq!(set.reached(), set.len());
        for name in model.keys() {
            assert!(set.remove(name));
        }
        set.validate();
        assert_eq!((set.len(), set.level()), (0, 0));
    }
}

#[test]
fn an_element_is_added_to_a_set_that_has_changed_meanwhile() {
    let mut rng = Rng::from_seed(3);
    let mut set = VectorSet::new(design(Quantization::Bytes, 4), Seed::fixed(1));
    for number in 0..200_u32 {
        set.add(
            format!("{number}").as_bytes(),
            &vector(&mut rng),
            None,
            20,
            &mut rng,
        );
    }
    for round in 0..100_u32 {
        let wanted = vector(&mut rng);
        let newcomer = Newcomer {
            vector: wanted.clone(),
            level: VectorSet::draw_level(&mut rng),
            breadth: 20,
        };
        let search = Search {
            set: set.clone(),
            task: Task::Neighbours(newcomer),
        };
        let Found::Neighbours(found) = search.run() else {
            unreachable!("that is what was asked for");
        };
        for more in 0..round % 4 {
            let name = format!("{}", rng.below(400)).into_bytes();
            if more == 2 {
                set.remove(&name);
            } else {
                set.add(&name, &vector(&mut rng), None, 20, &mut rng);
            }
        }
        assert!(set.has_asked_for(&found));
        let name = format!("new {round}").into_bytes();
        set.add_among(&name, &wanted, Some(b"{}"), 20, found);
        set.validate();
        assert!(set.find(&name).is_some());
    }
    assert_eq!(set.reached(), set.len());
    assert_eq!(set.attributed(), 100);
    let everybody = NameRange::parse(b"-", b"+").expect("right");
    let names: Vec<&[u8]> = set.names(everybody).collect();
    assert_eq!(names.len(), set.len());
    assert!(names.is_sorted());
}

#[test]
fn a_search_finds_what_looking_at_each_finds() {
    let mut rng = Rng::from_seed(9);
    for quantization in [Quantization::None, Quantization::Bytes] {
        let mut set = VectorSet::new(design(quantization, 16), Seed::fixed(1));
        for number in 0..2000 {
            set.add(
                format!("{number}").as_bytes(),
                &vector(&mut rng),
                None,
                100,
                &mut rng,
            );
        }
        for number in (0..2000).step_by(3) {
            assert!(set.remove(format!("{number}").as_bytes()));
        }
        let mut hits = 0;
        for _ in 0..100 {
            let vector = vector(&mut rng);
            let mut query = all(&vector);
            query.breadth = 100;
            let found = set.search(&query);
            query.is_exhaustive = true;
            let truth = set.search(&query);
            assert!(truth.windows(2).all(|pair| pair[0].1 <= pair[1].1));
            hits += (truth[..10].iter())
                .filter(|near| found[..10].contains(near))
                .count();
        }
        assert!(hits > 950, "{hits} of 1000");
    }
}

#[test]
fn a_clone_stays_as_it_was() {
    let mut rng = Rng::from_seed(3);
    let mut set = VectorSet::new(design(Quantization::Bytes, 8), Seed::fixed(1));
    for number in 0..200 {
        set.add(
            format!("{number}").as_bytes(),
            &vector(&mut rng),
            None,
            50,
            &mut rng,
        );
    }
    let kept = set.clone();
    let before = format!("{kept:?}");
    for number in 0..200 {
        set.remove(format!("{number}").as_bytes());
        let name = format!("new {number}");
        set.add(
            name.as_bytes(),
            &vector(&mut rng),
            Some(b"{}"),
            50,
            &mut rng,
        );
    }
    assert_eq!(format!("{kept:?}"), before);
    kept.validate();
    set.validate();
}

fn rebuilt(set: &VectorSet, spoil: impl Fn(&mut OutlineElement<'_>)) -> Option<VectorSet> {
    let outline = set.outline();
    let matrix = outline.matrix().unwrap_or_default();
    let mut builder = Builder::new(outline.design(), &matrix, Seed::fixed(2)).ok()?;
    for mut element in outline.elements() {
        spoil(&mut element);
        builder.push(element).ok()?;
    }
    builder.finish().ok()
}

#[test]
fn an_outline_makes_the_same_set() {
    let mut rng = Rng::from_seed(4);
    let mut set = VectorSet::new(design(Quantization::Bytes, 4), Seed::fixed(1));
    for number in 0..300 {
        let json = (number % 2 == 0).then_some(&b"{}"[..]);
        set.add(
            format!("{number}").as_bytes(),
            &vector(&mut rng),
            json,
            50,
            &mut rng,
        );
    }
    for number in 0..100 {
        set.remove(format!("{number}").as_bytes());
    }
    let again = rebuilt(&set, |_| {}).expect("it fits together");
    again.validate();
    assert_eq!((again.len(), again.added()), (200, 300));
    for id in 0..200 {
        assert_eq!(again.name(id), set.name(id));
        assert_eq!(again.raw(id), set.raw(id));
        assert_eq!(again.attributes(id), set.attributes(id));
        let sorted = |set: &VectorSet| {
            let mut layers = set.neighbours(id);
            for layer in &mut layers {
                layer.sort_by_key(|near| near.0);
            }
            layers
        };
        assert_eq!(sorted(&again), sorted(&set));
    }
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let mut rng = Rng::from_seed(6);
    let mut set = VectorSet::new(design(Quantization::Bytes, 4), Seed::fixed(1));
    for number in 0..50 {
        set.add(
            format!("{number}").as_bytes(),
            &vector(&mut rng),
            None,
            50,
            &mut rng,
        );
    }
    let spoilt: [fn(&mut OutlineElement<'_>); 6] = [
        |element| element.layers[0].links.truncate(1),
        |element| element.layers[0].links.push(999),
        |element| element.layers[0].links = vec![element.number],
        |element| element.layers[0].links.extend_from_within(..),
        |element| element.number = 7,
        |element| element.vector = b"",
    ];
    for spoil in spoilt {
        assert!(rebuilt(&set, spoil).is_none());
    }
    let twice = |element: &mut OutlineElement<'_>| element.name = b"same";
    assert!(rebuilt(&set, twice).is_none());
}

#[test]
fn a_projection_keeps_what_is_near_near() {
    let mut rng = Rng::from_seed(8);
    let design = Design {
        projects_from: Some(256),
        ..design(Quantization::None, 8)
    };
    let mut set = VectorSet::new(design, Seed::fixed(1));
    let long = |rng: &mut Rng| -> Vec<f32> { (0..256).map(|_| (rng.f64() - 0.5) as f32).collect() };
    let vectors: Vec<_> = (0..50).map(|_| long(&mut rng)).collect();
    for (number, vector) in vectors.iter().enumerate() {
        let projected = set.project(vector).expect("it projects");
        set.add(
            format!("{number}").as_bytes(),
            &projected,
            None,
            50,
            &mut rng,
        );
    }
    for (number, vector) in vectors.iter().enumerate() {
        let near: Vec<f32> = vector
            .iter()
            .map(|it| it + 0.01 * rng.f64() as f32)
            .collect();
        let projected = set.project(&near).expect("it projects");
        let found = set.search(&all(&projected));
        assert_eq!(set.name(found[0].0), format!("{number}").as_bytes());
    }
    assert!(
        rebuilt(&set, |_| {})
            .is_some_and(|again| again.project(&vectors[0]) == set.project(&vectors[0]))
    );
}

#[test]
fn nothing_that_a_vector_may_hold_makes_a_search_fail() {
    let mut rng = Rng::from_seed(8);
    let odd = [
        0.0,
        -0.0,
        1.0,
        f32::NAN,
        f32::INFINITY,
        f32::MAX,
        f32::MIN_POSITIVE,
    ];
    for quantization in [Quantization::None, Quantization::Bytes, Quantization::Bits] {
        let mut set = VectorSet::new(design(quantization, 4), Seed::fixed(1));
        for number in 0..100 {
            let vector: Vec<f32> = (0..COMPONENTS).map(|_| odd[rng.index(7)]).collect();
            set.add(format!("{number}").as_bytes(), &vector, None, 20, &mut rng);
            set.search(&all(&vector));
        }
        for number in 0..100 {
            assert!(set.remove(format!("{number}").as_bytes()));
        }
    }
}

#[test]
fn moving_a_set_changes_nothing() {
    let bins = Bins::new();
    let mut rng = Rng::from_seed(3);
    let mut set = VectorSet::new(design(Quantization::Bytes, 4), Seed::fixed(1));
    for number in 0..300 {
        let name = format!("{number}").into_bytes();
        let json = (number % 3 == 0).then_some(b"{\"year\":1980}".as_slice());
        set.add(&name, &vector(&mut rng), json, 20, &mut rng);
    }
    let digest = |set: &VectorSet| {
        let mut digest = Digest::default();
        set.digest(&mut digest);
        digest.text()
    };
    let relocate = |set: &mut VectorSet| {
        let mut mover = Mover::of_all(&bins);
        let (mut from, mut steps) = (set.relocate(&mut mover, 0), 1);
        while from != 0 {
            from = set.relocate(&mut mover, from);
            steps += 1;
        }
        (mover.moved, steps)
    };
    let before = digest(&set);
    let (moved, steps) = relocate(&mut set);
    // Names and attributes, and pages of several sorts.
    assert!(moved > 400, "{moved}");
    assert!(steps > 10, "{steps}");
    set.validate();
    assert_eq!(digest(&set), before);
    let copy = set.clone();
    assert_eq!(relocate(&mut set).0, 0, "what is shared stays");
    assert_eq!(digest(&copy), before);
}
