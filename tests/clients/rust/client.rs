//! What a Rust program does with the crate `ort`. Each check runs in a process of its own, so that one that crashes takes
//! nothing with it; prints PASS and FAIL lines, writes answers.txt.
mod checks;
mod custom;
mod errors;
mod types;

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::Command;

use ort::environment::Environment;
use ort::value::{DynValue, MapValueType, TensorElementType, ValueType};
use ort::{Error, Result};

pub type Check = (&'static str, fn(&Environment) -> Result<()>);

/// The path of one of the models.
pub fn model(name: &str) -> String {
    format!("{}/{name}", std::env::var("MODELS").unwrap())
}

/// A path for a file that a check makes.
pub fn made(name: &str) -> String {
    format!("{}/{name}", std::env::var("OUT").unwrap())
}

#[macro_export]
macro_rules! expect {
    ($good:expr) => {
        if !$good {
            return Err(ort::Error::new(format!("line {}: not so: {}", line!(), stringify!($good))));
        }
    };
    ($good:expr, $($what:tt)+) => {
        if !$good {
            return Err(ort::Error::new(format!("line {}: {}", line!(), format!($($what)+))));
        }
    };
}

fn numbers<T>(values: &[T], text: impl Fn(&T) -> String) -> String {
    values.iter().map(text).collect::<Vec<_>>().join(" ")
}

fn real(v: f64) -> String {
    // nine significant digits, as %.9g has them up to the form of the exponent
    format!("{v:.8e}")
}

/// dtype, shape and values of a tensor.
fn tensor_text(value: &DynValue, dtype: TensorElementType, with_shape: bool) -> Result<String> {
    macro_rules! of {
        ($t:ty, $name:literal, $text:expr) => {{
            let (shape, data) = value.try_extract_tensor::<$t>()?;
            ($name, shape.to_vec(), numbers(data, $text))
        }};
    }
    let (name, shape, values) = match dtype {
        TensorElementType::Float32 => of!(f32, "float", |v| real(*v as f64)),
        TensorElementType::Float64 => of!(f64, "double", |v| real(*v)),
        TensorElementType::Float16 => of!(half::f16, "float16", |v| real(v.to_f64())),
        TensorElementType::Bfloat16 => of!(half::bf16, "bfloat16", |v| real(v.to_f64())),
        TensorElementType::Int8 => of!(i8, "int8", |v| v.to_string()),
        TensorElementType::Int16 => of!(i16, "int16", |v| v.to_string()),
        TensorElementType::Int32 => of!(i32, "int32", |v| v.to_string()),
        TensorElementType::Int64 => of!(i64, "int64", |v| v.to_string()),
        TensorElementType::Uint8 => of!(u8, "uint8", |v| v.to_string()),
        TensorElementType::Uint16 => of!(u16, "uint16", |v| v.to_string()),
        TensorElementType::Uint32 => of!(u32, "uint32", |v| v.to_string()),
        TensorElementType::Uint64 => of!(u64, "uint64", |v| v.to_string()),
        TensorElementType::Bool => of!(bool, "bool", |v| (*v as u8).to_string()),
        TensorElementType::String => {
            let (shape, data) = value.try_extract_strings()?;
            ("string", shape.to_vec(), numbers(&data, |v| format!("{v:?}")))
        }
        other => return Err(Error::new(format!("a tensor of {other}"))),
    };
    let dims = shape.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
    Ok(if with_shape {
        format!("{name} [{dims}] {values}")
    } else {
        values
    })
}

fn map_text(value: &DynValue, key: TensorElementType) -> Result<String> {
    let mut entries = match key {
        TensorElementType::Int64 => value
            .try_extract_key_values::<i64, f32>()?
            .into_iter()
            .map(|(k, v)| (format!("{k:020}"), format!("{k}: {}", real(v as f64))))
            .collect::<Vec<_>>(),
        _ => value
            .try_extract_key_values::<String, f32>()?
            .into_iter()
            .map(|(k, v)| (k.clone(), format!("{k:?}: {}", real(v as f64))))
            .collect::<Vec<_>>(),
    };
    entries.sort();
    let texts = entries.into_iter().map(|(_, text)| text).collect::<Vec<_>>();
    Ok(format!("map {{{}}}", texts.join(", ")))
}

pub fn value_text(value: &DynValue) -> Result<String> {
    match value.dtype() {
        ValueType::Tensor { ty, .. } => tensor_text(value, *ty, true),
        ValueType::Map { key, .. } => map_text(value, *key),
        ValueType::Sequence(inner) => {
            let mut out = String::from("sequence []");
            if let ValueType::Map {
                key: TensorElementType::Int64,
                ..
            } = **inner
            {
                for item in value.try_extract_sequence::<MapValueType<i64, f32>>()? {
                    write!(out, " {}", map_text(&item.into_dyn(), TensorElementType::Int64)?).unwrap();
                }
            } else if let ValueType::Map { .. } = **inner {
                for item in value.try_extract_sequence::<MapValueType<String, f32>>()? {
                    write!(out, " {}", map_text(&item.into_dyn(), TensorElementType::String)?).unwrap();
                }
            } else {
                for item in value.try_extract_sequence::<ort::value::DynTensorValueType>()? {
                    write!(out, " {}", value_text(&item.into_dyn())?).unwrap();
                }
            }
            Ok(out)
        }
        ValueType::Optional(_) => Ok("optional []".into()),
    }
}

fn line(text: &str) {
    let path = made("answers.txt");
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .unwrap();
    writeln!(file, "{text}").unwrap();
}

pub fn answer(check: &str, output: &str, value: &DynValue) -> Result<()> {
    line(&format!("{check} {output} {}", value_text(value)?));
    Ok(())
}

pub fn answer_text(check: &str, output: &str, text: &str) {
    line(&format!("{check} {output} string [] {text:?}"));
}

fn run_one(name: &str, all: &[Check]) -> i32 {
    let check = all.iter().find(|c| c.0 == name).expect("a check of that name");
    let told = std::panic::catch_unwind(|| -> Result<()> {
        let env = ort::init().with_name("client").with_telemetry(false).build()?;
        check.1(&env)
    });
    match told {
        Ok(Ok(())) => println!("PASS rust {name}"),
        Ok(Err(e)) => println!("FAIL rust {name}: {}", e.to_string().replace('\n', " ")),
        Err(_) => println!("FAIL rust {name}: it panicked"),
    }
    0
}

fn main() {
    let all: Vec<Check> = [checks::ALL, types::ALL, errors::ALL, custom::ALL].concat();
    if let Some(name) = std::env::args().nth(1) {
        std::process::exit(run_one(&name, &all));
    }
    let program = std::env::current_exe().unwrap();
    let mut failed = 0;
    for (name, _) in &all {
        let out = Command::new("timeout")
            .arg("120")
            .arg(&program)
            .arg(name)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        eprint!("{}", String::from_utf8_lossy(&out.stderr));
        let result = text.lines().find(|l| l.starts_with("PASS ") || l.starts_with("FAIL "));
        match result {
            Some(text) if out.status.success() || text.starts_with("FAIL") => println!("{text}"),
            _ => println!("FAIL rust {name}: the process ended: {}", out.status),
        }
        failed += i32::from(!out.status.success() || !result.unwrap_or("").starts_with("PASS"));
    }
    std::process::exit(i32::from(failed != 0));
}
