//! What `scripts/setup.sh` does on machines of every kind, with stand-ins for the programs that it finds and calls.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A machine: the programs on its PATH.
struct Machine(PathBuf);

struct Told {
    is_fine: bool,
    text: String,
    /// The commands that would have changed the machine.
    calls: String,
}

/// All that the tests want.
const WANTED: [&str; 12] = [
    "redis-server",
    "redis-cli",
    "redis-benchmark",
    "tclsh",
    "valgrind",
    "python3",
    "hexdump",
    "nc",
    "cc",
    "make",
    "ps",
    "chromium",
];

impl Machine {
    /// With all programs but some.
    fn without(name: &str, missing: &[&str]) -> Machine {
        let folder =
            std::env::temp_dir().join(format!("pollux-setup-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder for the test");
        let machine = Machine(folder);
        for program in WANTED.iter().filter(|name| !missing.contains(name)) {
            machine.add(program, "");
        }
        for program in ["uname Linux", "tee", "chmod", "rm", "true"] {
            let (program, prints) = program.split_once(' ').unwrap_or((program, ""));
            machine.add(program, &format!("echo {prints}"));
        }
        for program in ["bash", "env", "sh"] {
            let real = ["/bin", "/usr/bin"].map(|folder| Path::new(folder).join(program));
            let real = real.iter().find(|path| path.exists());
            let real = real.expect("each system has it");
            symlink(real, machine.0.join(program)).expect("a folder of ours");
        }
        // It installs by making the programs appear.
        let programs = missing.join(" ");
        machine.add(
            "apt-get",
            &format!(
                "echo \"apt-get $*\" >>$0.calls; if [ $1 = install ]; then for program in {programs}; do \
                 printf '#!/bin/sh\\n' >$(dirname $0)/$program; /bin/chmod 755 $(dirname $0)/$program; done; fi"
            ),
        );
        symlink("/usr/bin/dirname", machine.0.join("dirname")).expect("a folder of ours");
        machine
    }

    fn add(&self, program: &str, script: &str) {
        let path = self.0.join(program);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a folder of ours");
        fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("a file of ours");
    }

    fn of_user(self, id: u32) -> Machine {
        self.add("id", &format!("echo {id}"));
        self
    }

    /// sudo that asks for a password, unless it was told not to ask, or needs none.
    fn with_sudo(self, needs_password: bool) -> Machine {
        let script = if needs_password {
            "[ \"$1\" = -n ] && exit 1; echo asked for a password; exit 1"
        } else {
            "shift; exec \"$@\""
        };
        self.add("sudo", script);
        self
    }

    fn set_up(&self, words: &[&str], is_ci: bool) -> Told {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/setup.sh");
        let mut command = Command::new(self.0.join("bash"));
        command.arg(script).args(words).env_clear();
        command.env("PATH", &self.0);
        if is_ci {
            command.env("CI", "true");
        }
        let output = command.output().expect("bash runs");
        Told {
            is_fine: output.status.success(),
            text: String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned(),
            calls: fs::read_to_string(self.0.join("apt-get.calls")).unwrap_or_default(),
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn nothing_is_done_where_all_is_there() {
    let machine = Machine::without("complete", &[]).of_user(0);
    for words in [&[][..], &["--missing"]] {
        let told = machine.set_up(words, true);
        assert!(told.is_fine && told.text.is_empty() && told.calls.is_empty());
    }
}

#[test]
fn root_and_who_needs_no_password_install() {
    let missing = ["redis-cli", "redis-benchmark", "valgrind"];
    let root = Machine::without("root", &missing).of_user(0);
    let trusted = Machine::without("trusted", &missing)
        .of_user(1000)
        .with_sudo(false);
    for machine in [root, trusted] {
        let told = machine.set_up(&[], true);
        assert!(told.is_fine, "{}", told.text);
        assert!(
            told.calls
                .ends_with("install -y -qq --no-install-recommends redis-tools valgrind\n"),
            "{}",
            told.calls
        );
    }
}

#[test]
fn nobody_is_asked_for_a_password() {
    let missing = ["redis-server", "valgrind"];
    let plain = Machine::without("plain", &missing).of_user(1000);
    let guarded = Machine::without("guarded", &missing)
        .of_user(1000)
        .with_sudo(true);
    for machine in [plain, guarded] {
        let told = machine.set_up(&[], false);
        assert!(
            told.is_fine,
            "the tests go on with what there is: {}",
            told.text
        );
        assert!(
            told.text
                .ends_with("setup: to get it: sudo apt-get install redis-server valgrind\n"),
            "{}",
            told.text
        );
        assert!(!told.text.contains("password") && told.calls.is_empty());
        let told = machine.set_up(&["--missing"], false);
        assert_eq!(told.text, "sudo apt-get install redis-server valgrind\n");
        let told = machine.set_up(&[], true);
        assert!(
            !told.is_fine,
            "a run that compares nothing is no success for CI"
        );
    }
}

#[test]
fn an_unknown_system_is_told_what_to_look_for() {
    let machine = Machine::without("unknown", &["nc", "tclsh"]).of_user(0);
    fs::remove_file(machine.0.join("apt-get")).expect("a file of ours");
    let told = machine.set_up(&[], false);
    assert!(told.is_fine);
    assert!(
        told.text
            .contains("under Debian's names: tcl netcat-openbsd"),
        "{}",
        told.text
    );
    assert!(!machine.set_up(&[], true).is_fine);
}

#[test]
fn a_mac_is_told_of_brew() {
    let machine = Machine::without("mac", &["redis-server", "redis-cli", "valgrind"]).of_user(501);
    fs::remove_file(machine.0.join("apt-get")).expect("a file of ours");
    machine.add("uname", "echo Darwin");
    let told = machine.set_up(&["--missing"], false);
    assert_eq!(told.text, "see https://brew.sh, then: brew install redis\n");
    machine.add("brew", "exit 1");
    let told = machine.set_up(&[], false);
    assert!(
        told.is_fine
            && told.text.contains("brew could not install all of it\n")
            && told.text.ends_with("brew install redis\n"),
        "{}",
        told.text
    );
}
