//! What was found, in the lines that redis-benchmark prints, and what it cost both sides.

use super::load::{Latencies, Outcome};
use super::options::Options;
use super::suite::Test;
use super::watched::{Cpu, Watched};

/// What comes before the first test.
pub(super) fn head(options: &Options) {
    if options.csv {
        println!(
            "\"test\",\"rps\",\"avg_latency_ms\",\"min_latency_ms\",\"p50_latency_ms\",\"p95_latency_ms\",\
             \"p99_latency_ms\",\"max_latency_ms\""
        );
    }
}

/// One test. `server` is the processor time that it used.
pub(super) fn show(
    options: &Options,
    watched: &Watched,
    test: &Test,
    outcome: &Outcome,
    server: Option<Cpu>,
) {
    let digits = options.precision as usize;
    let rate = outcome.latencies.count() as f64 / outcome.seconds.max(1e-9);
    let latencies = &outcome.latencies;
    let [p50, p95, p99] = [50.0, 95.0, 99.0].map(|percent| latencies.percentile_ms(percent));
    let (average, least, most) = (
        latencies.average_ns() / 1e6,
        latencies.min_ms(),
        latencies.max_ms(),
    );
    let title = &test.title;
    if options.csv {
        println!(
            "\"{title}\",\"{rate:.2}\",\"{average:.digits$}\",\"{least:.digits$}\",\"{p50:.digits$}\",\"{p95:.digits$}\",\
             \"{p99:.digits$}\",\"{most:.digits$}\""
        );
        return;
    }
    let costs = costs(outcome, server);
    if options.quiet {
        println!("{title}: {rate:.2} requests per second, p50={p50:.digits$} msec, {costs}");
        return;
    }
    println!("====== {title} ======");
    println!(
        "  {} requests completed in {:.2} seconds",
        outcome.latencies.count(),
        outcome.seconds
    );
    println!("  {} parallel clients", options.clients);
    println!("  {} bytes payload", options.size);
    println!("  keep alive: {}", options.keep_alive);
    if options.pipeline > 1 {
        println!("  {} requests in a pipeline", options.pipeline);
    }
    match &watched.habits {
        Some((save, log)) => {
            println!("  host configuration \"save\": {save}");
            println!("  host configuration \"appendonly\": {log}");
        }
        None => println!("  host configuration: not told"),
    }
    println!("  multi-thread: no");
    println!();
    curve(latencies, digits);
    println!("Summary:");
    println!("  throughput summary: {rate:.2} requests per second");
    println!("  processor time: {costs}");
    println!("  latency summary (msec):");
    println!(
        "  {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "avg", "min", "p50", "p95", "p99", "max"
    );
    println!(
        "  {average:>9.digits$} {least:>9.digits$} {p50:>9.digits$} {p95:>9.digits$} {p99:>9.digits$} {most:>9.digits$}\n"
    );
}

/// The processor time of both sides for each request, and who was the limit.
fn costs(outcome: &Outcome, server: Option<Cpu>) -> String {
    let requests = outcome.latencies.count().max(1) as f64;
    let each = |seconds: f64| seconds / requests * 1e6;
    let own = each(outcome.own_seconds);
    let share = outcome.own_seconds / outcome.seconds * 100.0;
    let Some(server) = server else {
        return format!("generator {own:.3} usec each, {share:.0} % busy");
    };
    let all = server.user + server.system;
    format!(
        "server {:.3} usec each ({:.3} user, {:.3} system), {:.0} % busy; generator {own:.3} usec, {share:.0} % busy",
        each(all),
        each(server.user),
        each(server.system),
        all / outcome.seconds * 100.0,
    )
}

/// Two tables: how long the fastest half waited, the next quarter, and so on; and how many waited up to some time.
fn curve(latencies: &Latencies, digits: usize) {
    let all = latencies.count();
    println!("Latency by percentile distribution:");
    let line = |percent: f64, ms: f64, count: u64| {
        println!("{percent:.3}% <= {ms:.digits$} milliseconds (cumulative count {count})");
    };
    line(
        0.0,
        latencies.min_ms(),
        latencies.up_to_ms(latencies.min_ms()).max(1),
    );
    let (mut percent, mut step) = (50.0, 25.0);
    loop {
        let ms = latencies.percentile_ms(percent);
        let count = latencies.up_to_ms(ms);
        line(percent, ms, count);
        if count >= all {
            break;
        }
        percent += step;
        step /= 2.0;
    }
    line(100.0, latencies.max_ms(), all);
    println!("\nCumulative distribution of latencies:");
    let mut tenths: u64 = 1;
    loop {
        let ms = tenths as f64 / 10.0;
        let count = latencies.up_to_ms(ms);
        line(count as f64 / all.max(1) as f64 * 100.0, ms, count);
        if count >= all {
            break;
        }
        // Where few are left the steps grow.
        tenths += if tenths < 20 {
            1
        } else {
            (tenths / 10).next_power_of_two() * 5
        };
    }
    println!();
}

impl Latencies {
    /// Never more than the longest, though a bin of the histogram may reach further.
    fn percentile_ms(&self, percent: f64) -> f64 {
        self.histogram
            .percentile(percent)
            .clamp(self.min_ns, self.max_ns) as f64
            / 1e6
    }

    fn up_to_ms(&self, ms: f64) -> u64 {
        if ms >= self.max_ms() {
            return self.count();
        }
        self.histogram.at_most((ms * 1e6).round() as u64)
    }

    fn min_ms(&self) -> f64 {
        self.min_ns as f64 / 1e6
    }

    fn max_ms(&self) -> f64 {
        self.max_ns as f64 / 1e6
    }
}
