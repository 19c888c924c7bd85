//! The `fitferry` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    fitferry::cli::main()
}
