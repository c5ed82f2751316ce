//! What must fail: as the crate's error, with a code and a text.
use ort::environment::Environment;
use ort::error::ErrorCode;
use ort::session::Session;
use ort::value::Tensor;
use ort::{Result, inputs};

use crate::checks::{iris, open};
use crate::{Check, answer_text, expect, model};

pub const ALL: &[Check] = &[
    ("bad_models", bad_models),
    ("bad_bytes", bad_bytes),
    ("bad_runs", bad_runs),
    ("bad_values", bad_values),
    ("bad_options", bad_options),
    ("cancelled_load", cancelled_load),
];

fn refused<T>(check: &str, what: &str, told: Result<T>) -> Result<()> {
    match told {
        Ok(_) => Err(ort::Error::new(format!("{what}: no error"))),
        Err(e) => {
            expect!(!e.message().is_empty(), "{what}: a text");
            expect!(e.code() != ErrorCode::Ok, "{what}: a code");
            answer_text(check, what, &format!("{:?}", e.code()));
            Ok(())
        }
    }
}

fn bad_models(env: &Environment) -> Result<()> {
    for file in [
        "missing.onnx",
        "garbage.onnx",
        "empty.onnx",
        "badop.onnx",
        "custom.onnx",
    ] {
        refused("bad_models", file, open(env, file))?;
    }
    expect!(open(env, "cyclic.onnx").is_err());
    expect!(Session::builder(env)?.commit_from_file(model("")).is_err());
    Ok(())
}

fn bad_bytes(env: &Environment) -> Result<()> {
    refused(
        "bad_bytes",
        "garbage",
        Session::builder(env)?.commit_from_memory(b"this is no model \xff\xff\xff\xff"),
    )?;
    refused("bad_bytes", "empty", Session::builder(env)?.commit_from_memory(b""))?;
    let whole = std::fs::read(model("conv.onnx")).unwrap();
    for part in [1, 2, 3] {
        expect!(
            Session::builder(env)?
                .commit_from_memory(&whole[..whole.len() * part / 4])
                .is_err()
        );
    }
    expect!(
        Session::builder(env)?
            .commit_from_memory(b"\x10\0\0\0ORTM\xff\xff\xff\xff\xff\xff\xff\xff")
            .is_err()
    );
    Ok(())
}

fn bad_runs(env: &Environment) -> Result<()> {
    let mut s = open(env, "tensors.onnx")?;
    let rows = |dims: &[i64]| Tensor::from_array((dims.to_vec(), vec![0_f32; dims.iter().product::<i64>() as usize]));
    refused("bad_runs", "name", s.run(inputs!["nope" => iris()?]).map(|_| ()))?;
    refused("bad_runs", "width", s.run(inputs!["x" => rows(&[3, 5])?]).map(|_| ()))?;
    refused("bad_runs", "rank", s.run(inputs!["x" => rows(&[12])?]).map(|_| ()))?;
    refused(
        "bad_runs",
        "dtype",
        s.run(inputs!["x" => Tensor::from_array(([1_usize, 4], vec![0_f64; 4]))?])
            .map(|_| ()),
    )?;
    let strings = Tensor::from_string_array(([1_usize, 4], &["a", "b", "c", "d"][..]))?;
    refused("bad_runs", "strings", s.run(inputs!["x" => strings]).map(|_| ()))?;
    let mut two = open(env, "two_inputs.onnx")?;
    expect!(two.run(inputs!["a" => rows(&[1, 3])?]).is_err());
    expect!(two.run(inputs!["a" => rows(&[1, 3])?, "b" => rows(&[4, 2])?]).is_err());
    expect!(s.run(inputs!["x" => iris()?]).is_ok(), "it still runs");
    Ok(())
}

fn bad_values(env: &Environment) -> Result<()> {
    expect!(Tensor::from_array(([2_usize, 3], vec![0_f32; 5])).is_err());
    expect!(Tensor::from_array((vec![-1_i64], vec![0_f32; 1])).is_err());
    let mut s = open(env, "tensors.onnx")?;
    let out = s.run(inputs![iris()?])?;
    expect!(out["label"].try_extract_tensor::<f32>().is_err());
    expect!(out["label"].try_extract_strings().is_err());
    expect!(out["label"].try_extract_key_values::<i64, f32>().is_err());
    Ok(())
}

fn bad_options(env: &Environment) -> Result<()> {
    expect!(
        Session::builder(env)?
            .with_operator_library("/no/such/library.so")
            .is_err()
    );
    expect!(ort::session::Adapter::from_file("/no/such/adapter", None).is_err());
    expect!(ort::session::Adapter::from_memory(b"not an adapter at all", None).is_err());
    let s = open(env, "tensors.onnx")?;
    let mut binding = s.create_binding()?;
    expect!(binding.bind_input("nope", &iris()?).is_err() || open(env, "tensors.onnx")?.run_binding(&binding).is_err());
    Ok(())
}

fn cancelled_load(env: &Environment) -> Result<()> {
    let mut builder = Session::builder(env)?;
    builder.canceler().cancel()?;
    let told = builder.commit_from_file(model("tensors.onnx"));
    refused("cancelled_load", "code", told)
}
