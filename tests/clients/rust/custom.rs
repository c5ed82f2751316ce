//! Operators of the program's own, models that it builds, models compiled for later.
use ort::editor::{Graph, Model, Node, ONNX_DOMAIN, Opset};
use ort::environment::Environment;
use ort::memory::Allocator;
use ort::operator::{
    Attribute, BoxedKernel, ComputeContext, KernelContext, Operator, OperatorDomain, OperatorInput, OperatorOutput,
};
use ort::session::Session;
use ort::value::{Outlet, Shape, SymbolicDimensions, Tensor, TensorElementType, ValueType};
use ort::{Error, Result, inputs};

use crate::{Check, answer, answer_text, expect, model};

pub const ALL: &[Check] = &[
    ("custom_operator", custom_operator),
    ("editor", editor),
    ("compile", compile),
];

struct MulAdd;

impl Operator for MulAdd {
    type Kernel<'attr> = BoxedKernel<'attr>;

    fn name(&self) -> &str {
        "MulAdd"
    }
    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        [
            OperatorInput::required(TensorElementType::Float32),
            OperatorInput::required(TensorElementType::Float32),
        ]
    }
    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [OperatorOutput::required(TensorElementType::Float32)]
    }
    fn create_kernel<'attr>(&self, about: &KernelContext<'attr>) -> Result<Self::Kernel<'attr>> {
        expect!(about.get::<String>("label").as_deref() == Some("five"));
        expect!(about.get::<Vec<i64>>("dims") == Some(vec![1, 2, 3]));
        expect!(about.get::<f32>("nothing").is_none());
        let alpha = about.get::<f32>("alpha").unwrap_or(f32::NAN);
        Ok(Box::new(move |context: &ComputeContext| {
            let missing = || Error::new("an input is missing");
            let (a, b) = (
                context.input(0)?.ok_or_else(missing)?,
                context.input(1)?.ok_or_else(missing)?,
            );
            let ((shape, a), (_, b)) = (a.try_extract_tensor::<f32>()?, b.try_extract_tensor::<f32>()?);
            let mut out = context.output(0, shape.to_vec())?.ok_or_else(missing)?;
            for (i, c) in out.try_extract_tensor_mut::<f32>()?.1.iter_mut().enumerate() {
                *c = a[i] * b[i] + alpha;
            }
            Ok(())
        }))
    }
}

fn custom_operator(env: &Environment) -> Result<()> {
    let domain = OperatorDomain::new("test.custom")?.add(MulAdd)?;
    let mut session = Session::builder(env)?
        .with_operators(domain)?
        .commit_from_file(model("custom.onnx"))?;
    let values = |v: [f32; 3]| Tensor::from_array(([3_usize], v.to_vec()));
    answer_text("custom_operator", "type", &session.outputs()[0].dtype().to_string());
    let out = session.run(inputs!["a" => values([1., 2., 3.])?, "b" => values([4., 5., 6.])?])?;
    answer("custom_operator", "c", &out["c"])
}

fn outlet(name: &str, dims: &[i64], symbols: &[&str]) -> Outlet {
    let ty = ValueType::Tensor {
        ty: TensorElementType::Float32,
        shape: Shape::new(dims.iter().copied()),
        dimension_symbols: SymbolicDimensions::new(symbols.iter().map(|s| s.to_string())),
    };
    Outlet::new(name, ty)
}

/// y = transpose(x) * w, built node by node.
fn editor(env: &Environment) -> Result<()> {
    let mut graph = Graph::new()?;
    graph.set_inputs([outlet("x", &[-1, 3], &["rows", ""])])?;
    graph.set_outputs([outlet("y", &[3, -1], &["", "rows"])])?;
    let order = Attribute::new("perm", &[1_i64, 0][..])?;
    graph.add_node(Node::new("Transpose", ONNX_DOMAIN, "turn", ["x"], ["t"], [order])?)?;
    graph.add_node(Node::new("Mul", ONNX_DOMAIN, "scale", ["t", "w"], ["y"], [])?)?;
    let mut w = Tensor::<f32>::new(&Allocator::default(), [3_usize, 1])?;
    w.extract_tensor_mut().1.copy_from_slice(&[1., 10., 100.]);
    graph.add_initializer("w", w, false)?;
    let mut made = Model::new([Opset::new(ONNX_DOMAIN, 17)?])?;
    made.set_graph(graph)?;
    let mut session = made.into_session(&Session::builder(env)?)?;
    answer_text("editor", "input", &session.inputs()[0].dtype().to_string());
    let x = Tensor::from_array(([2_usize, 3], vec![1_f32, 2., 3., 4., 5., 6.]))?;
    answer("editor", "y", &session.run(inputs![x])?["y"])
}

fn compile(env: &Environment) -> Result<()> {
    let compiled = ort::compiler::ModelCompiler::new(Session::builder(env)?)?
        .with_model_from_file(model("conv.onnx"))?
        .compile_to_buffer()?;
    let mut session = Session::builder(env)?.commit_from_memory(&compiled)?;
    let x = Tensor::from_array(([1_usize, 1, 8, 8], vec![0.5_f32; 64]))?;
    answer("compile", "y", &session.run(inputs![x])?["y"])
}
