//! The .NET assembly beside the C library that it is made of, with what it allocates.

use super::{Contender, Row, Verb, finish, median, show, start_sink};

fn rows(scale: f64) -> Vec<Row> {
    let mut rows = Vec::new();
    for (verb, qos) in [(Verb::Publish, 0), (Verb::Publish, 1), (Verb::ReceiveHandler, 0)] {
        for size in [64, 16_384] {
            rows.push(Row { verb, qos, size, scale });
        }
    }
    rows
}

/// The numbers that a program prints: messages per second, and for .NET bytes per message.
fn measure(contender: Contender, row: &Row) -> Option<Vec<f64>> {
    let job = row.job(contender, row.verb);
    let (mut sink, port) = start_sink(&job);
    let numbers = contender.command(&job, port).and_then(super::output);
    finish(&mut sink);
    numbers
}

/// Measures all rows and prints a table, if the program for .NET has been built.
pub(super) fn compare(runs: usize, scale: f64, wanted: &str) {
    let probe = Row { verb: Verb::Publish, qos: 0, size: 64, scale };
    if Contender::DotNet.command(&probe.job(Contender::DotNet, probe.verb), 0).is_none() {
        return;
    }
    println!(
        "\n{:28}{:>12}{:>12}{:>9}{:>20}",
        "", "from C", "from .NET", "ratio", "bytes per message"
    );
    for row in rows(scale).iter().filter(|row| row.name().contains(wanted)) {
        let (mut c, mut dotnet, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..runs {
            c.extend(measure(Contender::C, row).iter().filter_map(|numbers| numbers.first()));
            let numbers = measure(Contender::DotNet, row).unwrap_or_default();
            dotnet.extend(numbers.first());
            bytes.extend(numbers.get(1));
        }
        let (c, dotnet) = (median(c), median(dotnet));
        let ratio = c.zip(dotnet).map_or("-".into(), |(c, dotnet)| format!("{:.2}", dotnet / c));
        let bytes = median(bytes).map_or("-".into(), |bytes| format!("{bytes:.0}"));
        println!(
            "{:28}{:>12}{:>12}{ratio:>9}{bytes:>20}",
            row.name(),
            show(c, false),
            show(dotnet, false)
        );
    }
}
