//! What a session says of its model, and every element type.
use ort::environment::Environment;
use ort::session::Session;
use ort::value::{DynValue, IntoTensorElementType, PrimitiveTensorElementType, Tensor};
use ort::{Result, inputs};

use crate::checks::open;
use crate::{Check, answer, answer_text, expect};

pub const ALL: &[Check] = &[
    ("type_infos", type_infos),
    ("metadata", metadata),
    ("no_metadata", no_metadata),
    ("opsets", opsets),
    ("dtypes", dtypes),
];

fn describe(file: &str, session: &Session) {
    for (side, list) in [("in", session.inputs()), ("out", session.outputs())] {
        for (i, outlet) in list.iter().enumerate() {
            answer_text(
                "type_infos",
                &format!("{file}.{side}{i}"),
                &format!("{} {}", outlet.name(), outlet.dtype()),
            );
        }
    }
}

fn type_infos(env: &Environment) -> Result<()> {
    let files = [
        "classifier",
        "classifier_strings",
        "tensors",
        "two_inputs",
        "strings",
        "sequence",
        "sequence_input",
        "map_input",
        "overridable",
        "conv",
    ];
    for file in files {
        describe(file, &open(env, &format!("{file}.onnx"))?);
    }
    Ok(())
}

fn metadata(env: &Environment) -> Result<()> {
    let session = open(env, "two_inputs.onnx")?;
    let about = session.metadata()?;
    answer_text("metadata", "description", &about.description().unwrap_or_default());
    answer_text(
        "metadata",
        "graph_description",
        &about.graph_description().unwrap_or_default(),
    );
    answer_text("metadata", "producer", &about.producer().unwrap_or_default());
    answer_text("metadata", "name", &about.name().unwrap_or_default());
    answer_text("metadata", "domain", &about.domain().unwrap_or_default());
    answer_text("metadata", "version", &format!("{:?}", about.version()));
    let mut keys = about.custom_keys()?;
    keys.sort();
    for key in &keys {
        answer_text(
            "metadata",
            &format!("custom_{key}"),
            &about.custom(key).unwrap_or_default(),
        );
    }
    expect!(keys.len() == 3 && about.custom("no such key").is_none());
    Ok(())
}

fn no_metadata(env: &Environment) -> Result<()> {
    let session = open(env, "conv.onnx")?;
    let about = session.metadata()?;
    expect!(about.custom_keys()?.is_empty() && about.custom("author").is_none());
    Ok(())
}

fn opsets(env: &Environment) -> Result<()> {
    let session = open(env, "conv.onnx")?;
    expect!(
        session.opset_for_domain("") == Some(14),
        "opset {:?}",
        session.opset_for_domain("")
    );
    Ok(())
}

fn through<T>(env: &Environment, kind: &str, values: Vec<T>) -> Result<()>
where
    T: PrimitiveTensorElementType + IntoTensorElementType + Clone + PartialEq + std::fmt::Debug + 'static,
{
    let mut session = open(env, &format!("identity_{kind}.onnx"))?;
    let out = session.run(inputs!["x" => Tensor::from_array(([values.len()], values.clone()))?])?;
    let y: &DynValue = &out["y"];
    expect!(
        y.try_extract_tensor::<T>()?.1 == values,
        "{kind}: {:?}",
        y.try_extract_tensor::<T>()?.1
    );
    answer("dtypes", kind, y)
}

fn dtypes(env: &Environment) -> Result<()> {
    through(env, "float", vec![1.5_f32, -0.0, f32::MAX, f32::MIN_POSITIVE])?;
    through(env, "double", vec![1.5_f64, -2.25, f64::MAX])?;
    through(env, "float16", [0.5_f32, -2., 65504.].map(half::f16::from_f32).to_vec())?;
    through(env, "bfloat16", [0.5_f32, -2., 3e38].map(half::bf16::from_f32).to_vec())?;
    through(env, "int8", vec![i8::MIN, -1, 0, i8::MAX])?;
    through(env, "int16", vec![i16::MIN, -1, 0, i16::MAX])?;
    through(env, "int32", vec![i32::MIN, -1, 0, i32::MAX])?;
    through(env, "int64", vec![i64::MIN, -1, 0, i64::MAX])?;
    through(env, "uint8", vec![0_u8, 1, u8::MAX])?;
    through(env, "uint16", vec![0_u16, 1, u16::MAX])?;
    through(env, "uint32", vec![0_u32, 1, u32::MAX])?;
    through(env, "uint64", vec![0_u64, 1, u64::MAX])?;
    through(env, "bool", vec![true, false, true])?;
    let mut session = open(env, "identity_string.onnx")?;
    let out = session.run(inputs!["x" => Tensor::from_string_array(([3_usize], &["", "ключ", "b"][..]))?])?;
    answer("dtypes", "string", &out["y"])
}
