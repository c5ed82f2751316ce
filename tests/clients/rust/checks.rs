//! Sessions and runs.
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ort::environment::Environment;
use ort::memory::{AllocationDevice, Allocator, AllocatorType, MemoryInfo, MemoryType};
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{OutputSelector, RunOptions, Session};
use ort::value::{DynValue, Sequence, Tensor, TensorRef};
use ort::{Result, inputs};

use crate::{Check, answer, answer_text, expect, made, model};

pub const ALL: &[Check] = &[
    ("version", version),
    ("classifier", classifier),
    ("classifier_tensors", classifier_tensors),
    ("string_classifier", string_classifier),
    ("strings", strings),
    ("two_inputs", two_inputs),
    ("shapes", shapes),
    ("conv", conv),
    ("sequences", sequences),
    ("maps", maps),
    ("optionals", optionals),
    ("overridable", overridable),
    ("external_data", external_data),
    ("initializers", initializers),
    ("from_memory", from_memory),
    ("outputs_selected", outputs_selected),
    ("binding", binding),
    ("copies", copies),
    ("allocators", allocators),
    ("threads", threads),
    ("async_run", async_run),
    ("terminate", terminate),
    ("profiling", profiling),
    ("optimized_model", optimized_model),
    ("options", options),
    ("thread_manager", thread_manager),
    ("logger", logger),
    ("devices", devices),
];

pub fn open(env: &Environment, name: &str) -> Result<Session> {
    Session::builder(env)?.commit_from_file(model(name))
}

pub fn iris() -> Result<Tensor<f32>> {
    let rows = vec![5.1_f32, 3.5, 1.4, 0.2, 6.2, 2.9, 4.3, 1.3, 7.7, 3., 6.1, 2.3];
    Tensor::from_array(([3_usize, 4], rows))
}

fn floats(dims: &[i64], values: &[f32]) -> Result<Tensor<f32>> {
    Tensor::from_array((dims.to_vec(), values.to_vec()))
}

fn version(_: &Environment) -> Result<()> {
    expect!(!ort::info().is_empty());
    Ok(())
}

fn classifier(env: &Environment) -> Result<()> {
    let mut session = open(env, "classifier.onnx")?;
    let out = session.run(inputs!["x" => iris()?])?;
    answer("classifier", "label", &out["label"])?;
    answer("classifier", "probabilities", &out["probabilities"])
}

fn classifier_tensors(env: &Environment) -> Result<()> {
    let mut session = open(env, "tensors.onnx")?;
    let out = session.run(inputs![iris()?])?;
    expect!(out.len() == 2);
    answer("classifier_tensors", "label", &out[0])?;
    answer("classifier_tensors", "probabilities", &out[1])
}

fn string_classifier(env: &Environment) -> Result<()> {
    let mut session = open(env, "classifier_strings.onnx")?;
    let color = Tensor::from_string_array(([3_usize, 1], &["red", "blue", "unseen"][..]))?;
    let out = session.run(inputs!["color" => color, "size" => floats(&[3, 1], &[1., 2., 9.])?])?;
    answer("string_classifier", "label", &out["label"])?;
    answer("string_classifier", "probabilities", &out["probabilities"])
}

fn strings(env: &Environment) -> Result<()> {
    let long = "x".repeat(100_000);
    let mut session = open(env, "strings.onnx")?;
    let given = ["a", "", "žluť", "bb", "a \"quoted\" \\ text"];
    let out = session.run(inputs!["s" => Tensor::from_string_array(([5_usize], &given[..]))?])?;
    expect!(out["t"].try_extract_strings()?.1 == given);
    answer("strings", "t", &out["t"])?;
    answer("strings", "id", &out["id"])?;
    drop(out);
    let out = session.run(inputs![Tensor::from_string_array(([1_usize], &[long.clone()][..]))?])?;
    expect!(out["t"].try_extract_strings()?.1[0] == long);
    Ok(())
}

fn two_inputs(env: &Environment) -> Result<()> {
    let mut session = open(env, "two_inputs.onnx")?;
    let a = floats(&[2, 3], &[1., 2., 3., 4., 5., 6.])?;
    let b = floats(&[3, 2], &[0.5, -1., 2., 0., 1., 3.])?;
    let out = session.run(inputs!["b" => &b, "a" => &a])?;
    answer("two_inputs", "y", &out["y"])?;
    answer("two_inputs", "z", &out["z"])
}

/// Sizes that change from run to run, one of them zero.
fn shapes(env: &Environment) -> Result<()> {
    let mut session = open(env, "two_inputs.onnx")?;
    for (batch, n) in [(1, 1), (5, 2), (1, 7), (0, 2), (33, 17)] {
        let a = floats(&[batch, 3], &vec![0.25; (batch * 3) as usize])?;
        let b = floats(&[3, n], &vec![2.0; (n * 3) as usize])?;
        let out = session.run(inputs!["a" => a, "b" => b])?;
        let (shape, y) = out["y"].try_extract_tensor::<f32>()?;
        expect!(shape.to_vec() == [batch, n] && y.iter().all(|v| *v == 1.5));
    }
    Ok(())
}

fn conv(env: &Environment) -> Result<()> {
    let mut session = open(env, "conv.onnx")?;
    let x: Vec<f32> = (0..128).map(|i| (i as f32 * 0.37).sin()).collect();
    let out = session.run(inputs![floats(&[2, 1, 8, 8], &x)?])?;
    answer("conv", "y", &out["y"])
}

fn sequences(env: &Environment) -> Result<()> {
    let mut split = open(env, "sequence.onnx")?;
    let mut join = open(env, "sequence_input.onnx")?;
    let mut out = split.run(inputs![floats(&[4], &[1., 2., 3., 4.])?])?;
    answer("sequences", "s", &out["s"])?;
    answer("sequences", "n", &out["n"])?;
    let s = out.remove("s").unwrap();
    let back = join.run(inputs![s])?;
    answer("sequences", "y", &back["y"])?;
    drop(back);
    let own = Sequence::new([floats(&[2], &[7., 8.])?, floats(&[1], &[9.])?])?;
    expect!(own.len() == 2);
    let back = join.run(inputs![own])?;
    answer("sequences", "own", &back["y"])
}

fn maps(env: &Environment) -> Result<()> {
    let mut session = open(env, "map_input.onnx")?;
    let map = ort::value::Map::<String, f32>::new([("b".to_string(), 2.5), ("c".into(), 4.), ("zz".into(), 9.)])?;
    let out = session.run(inputs!["m" => map])?;
    answer("maps", "string", &out["y"])?;
    let mut session = open(env, "map_input_int.onnx")?;
    let out = session.run(inputs!["m" => ort::value::Map::<i64, f32>::new([(3, 1.), (1, -2.)])?])?;
    answer("maps", "int64", &out["y"])
}

fn optionals(env: &Environment) -> Result<()> {
    let mut session = open(env, "optional.onnx")?;
    answer_text("optionals", "type", &session.outputs()[0].dtype().to_string());
    let options = RunOptions::new()?.with_outputs(OutputSelector::no_default().with("has").with("y"));
    let out = session.run_with_options(inputs![floats(&[2], &[1., 2.])?], &options)?;
    answer("optionals", "has", &out["has"])?;
    answer("optionals", "y", &out["y"])
}

fn overridable(env: &Environment) -> Result<()> {
    let mut session = open(env, "overridable.onnx")?;
    expect!(session.inputs().len() == 1);
    let overridable = session.overridable_initializers();
    expect!(overridable.len() == 1 && overridable[0].name() == "w");
    answer_text("overridable", "type", &overridable[0].dtype().to_string());
    let x = floats(&[2, 3], &[1., 1., 1., 2., 2., 2.])?;
    answer("overridable", "default", &session.run(inputs!["x" => &x])?["y"])?;
    answer(
        "overridable",
        "given",
        &session.run(inputs!["x" => &x, "w" => floats(&[3], &[5., 6., 7.])?])?["y"],
    )
}

fn external_data(env: &Environment) -> Result<()> {
    let x: Vec<f32> = (0..64).map(|i| i as f32 / 64.).collect();
    let mut session = open(env, "external.onnx")?;
    answer(
        "external_data",
        "file",
        &session.run(inputs![floats(&[1, 64], &x)?])?["y"],
    )?;
    let bytes = std::fs::read(model("external.onnx")).unwrap();
    let weights: Arc<[u8]> = std::fs::read(model("external.bin")).unwrap().into();
    let mut session = Session::builder(env)?
        .with_external_initializer_file_in_memory("external.bin", weights)?
        .commit_from_memory(&bytes)?;
    answer(
        "external_data",
        "memory",
        &session.run(inputs![floats(&[1, 64], &x)?])?["y"],
    )
}

/// Initializers that the program gives, instead of the file's.
fn initializers(env: &Environment) -> Result<()> {
    let w = Arc::new(floats(&[3], &[10., 20., 30.])?.into_dyn());
    let mut session = Session::builder(env)?
        .with_initializer("w", Arc::clone(&w))?
        .commit_from_file(model("overridable.onnx"))?;
    answer(
        "initializers",
        "y",
        &session.run(inputs!["x" => floats(&[1, 3], &[1., 1., 1.])?])?["y"],
    )?;
    let x: Vec<f32> = vec![1.; 64];
    let weights = Arc::new(floats(&[64, 8], &vec![0.5; 512])?.into_dyn());
    let bytes = std::fs::read(model("external.onnx")).unwrap();
    let mut session = Session::builder(env)?
        .with_external_initializer("w", weights)?
        .commit_from_memory(&bytes)?;
    answer(
        "initializers",
        "external",
        &session.run(inputs![floats(&[1, 64], &x)?])?["y"],
    )
}

fn from_memory(env: &Environment) -> Result<()> {
    let kept = std::fs::read(model("tensors.onnx")).unwrap();
    let mut bytes = kept.clone();
    let mut session = Session::builder(env)?.commit_from_memory(&bytes)?;
    bytes.fill(0); // the session keeps its own
    answer("from_memory", "label", &session.run(inputs![iris()?])?["label"])?;
    let mut builder = Session::builder(env)?;
    let mut session = builder.commit_from_memory_directly(&kept)?;
    answer("from_memory", "direct", &session.run(inputs![iris()?])?["label"])
}

fn outputs_selected(env: &Environment) -> Result<()> {
    let mut session = open(env, "two_inputs.onnx")?;
    let (a, b) = (floats(&[1, 3], &[1., 2., 3.])?, floats(&[3, 1], &[1., 1., 1.])?);
    let options = RunOptions::new()?.with_outputs(OutputSelector::no_default().with("z"));
    let out = session.run_with_options(inputs!["a" => &a, "b" => &b], &options)?;
    expect!(out.len() == 1 && !out.contains_key("y"));
    answer("outputs_selected", "z", &out["z"])?;
    drop(out);
    let room = Tensor::<f32>::new(&Allocator::default(), [1_usize, 3])?;
    let place = room.data_ptr();
    let options = RunOptions::new()?.with_outputs(OutputSelector::default().preallocate("z", room));
    let out = session.run_with_options(inputs!["a" => &a, "b" => &b], &options)?;
    let (_, z) = out["z"].try_extract_tensor::<f32>()?;
    expect!(z == [2., 3., 4.] && z.as_ptr().cast() == place);
    Ok(())
}

fn binding(env: &Environment) -> Result<()> {
    let mut session = open(env, "two_inputs.onnx")?;
    let mut binding = session.create_binding()?;
    binding.bind_input("a", &floats(&[1, 3], &[1., 2., 3.])?)?;
    binding.bind_input("b", &floats(&[3, 2], &[1., 0., 1., 0., 1., 2.])?)?;
    binding.bind_output("z", Tensor::<f32>::new(&Allocator::default(), [1_usize, 3])?)?;
    binding.bind_output_to_device("y", session.allocator().memory_info())?;
    binding.synchronize()?;
    let out = session.run_binding(&binding)?;
    answer("binding", "y", &out["y"])?;
    answer("binding", "z", &out["z"])?;
    drop(out);
    binding.clear_outputs();
    binding.bind_output_to_device("z", &MemoryInfo::default())?;
    let out = session.run_binding(&binding)?;
    expect!(out.len() == 1);
    answer("binding", "again", &out["z"])
}

/// The crate copies tensors by running a small model that it holds in ONNX Runtime's own format.
fn copies(_: &Environment) -> Result<()> {
    let x = floats(&[2, 2], &[1., 2., 3., 4.])?;
    let mut copy = x.clone();
    copy.extract_tensor_mut().1[0] = 9.;
    expect!(x.extract_tensor().1 == [1., 2., 3., 4.] && copy.extract_tensor().1 == [9., 2., 3., 4.]);
    let there = Tensor::from_array(([3_usize], vec![7_i64, 8, 9]))?.to(AllocationDevice::CPU, 0)?;
    expect!(there.extract_tensor().1 == [7, 8, 9]);
    let mut target = Tensor::<f32>::new(&Allocator::default(), [2_usize, 2])?;
    x.copy_into(&mut target)?;
    expect!(target.extract_tensor().1 == [1., 2., 3., 4.]);
    let halves = Tensor::from_array(([2_usize], vec![half::f16::from_f32(0.5), half::f16::ONE]))?.clone();
    expect!(halves.extract_tensor().1[0].to_f32() == 0.5);
    expect!(Tensor::from_array(([1_usize], vec![true]))?.clone().extract_tensor().1 == [true]);
    Ok(())
}

fn allocators(env: &Environment) -> Result<()> {
    let session = open(env, "tensors.onnx")?;
    let info = MemoryInfo::new(AllocationDevice::CPU, 0, AllocatorType::Device, MemoryType::Default)?;
    expect!(info == MemoryInfo::default());
    let allocator = Allocator::new(&session, info)?;
    expect!(allocator.memory_info().allocation_device() == AllocationDevice::CPU);
    expect!(allocator.memory_info().is_cpu_accessible() && allocator.memory_info().device_id() == 0);
    let mut block = allocator.alloc::<u64>(4)?;
    expect!(!block.as_mut_ptr().is_null());
    drop(block);
    let tensor = Tensor::<f32>::new(&allocator, [2_usize, 3])?;
    drop(session); // it outlives the session
    expect!(tensor.shape().num_elements() == 6);
    let empty = Tensor::<f32>::new(&Allocator::default(), [0_usize, 3])?;
    expect!(empty.extract_tensor().1.is_empty());
    let view = [1.0_f32, 2.];
    let view = TensorRef::from_array_view(([2_usize], &view[..]))?;
    expect!(view.extract_tensor().1 == [1., 2.]);
    Ok(())
}

/// A session of its own on each thread, and one session under a lock.
fn threads(env: &Environment) -> Result<()> {
    let x: Vec<f32> = (0..64).map(|i| (i as f32 * 0.37).sin()).collect();
    let mut first = open(env, "conv.onnx")?;
    let expected = first.run(inputs![floats(&[1, 1, 8, 8], &x)?])?["y"]
        .try_extract_tensor::<f32>()?
        .1
        .to_vec();
    let shared = Mutex::new(first);
    let wrong = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let told = (|| -> Result<()> {
                    let mut own = open(env, "conv.onnx")?;
                    for i in 0..40 {
                        let input = floats(&[1, 1, 8, 8], &x)?;
                        let got = if i % 2 == 0 {
                            own.run(inputs![input])?["y"].try_extract_tensor::<f32>()?.1.to_vec()
                        } else {
                            let mut session = shared.lock().unwrap();
                            let out = session.run(inputs![input])?;
                            out["y"].try_extract_tensor::<f32>()?.1.to_vec()
                        };
                        expect!(got == expected);
                    }
                    Ok(())
                })();
                if let Err(e) = told {
                    eprintln!("{e}");
                    wrong.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    expect!(wrong.load(Ordering::Relaxed) == 0);
    Ok(())
}

/// Polls a future on this thread until it is done.
fn wait<F: std::future::Future>(future: F) -> F::Output {
    struct Waker(std::thread::Thread);
    impl std::task::Wake for Waker {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Waker(std::thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(out) => return out,
            std::task::Poll::Pending => std::thread::park_timeout(Duration::from_secs(30)),
        }
    }
}

fn async_run(env: &Environment) -> Result<()> {
    let mut session = Session::builder(env)?
        .with_intra_threads(2)?
        .commit_from_file(model("tensors.onnx"))?;
    let options = RunOptions::new()?;
    let out = wait(session.run_async(inputs!["x" => iris()?], &options)?)?;
    answer("async_run", "label", &out["label"])
}

fn terminate(env: &Environment) -> Result<()> {
    let mut session = open(env, "slow.onnx")?;
    let options = Arc::new(RunOptions::new()?);
    let (begun, stopper) = (Instant::now(), Arc::clone(&options));
    let helper = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        stopper.terminate()
    });
    let x = floats(&[128, 128], &vec![0.01; 128 * 128])?;
    let told = session.run_with_options(inputs![&x], &*options);
    helper.join().unwrap()?;
    expect!(told.is_err() && !told.as_ref().err().unwrap().to_string().is_empty());
    expect!(begun.elapsed() < Duration::from_secs(20));
    drop(told);
    let mut quick = open(env, "tensors.onnx")?;
    expect!(quick.run_with_options(inputs![iris()?], &*options).is_err()); // the flag stays
    options.unterminate()?;
    expect!(quick.run_with_options(inputs![iris()?], &*options).is_ok());
    Ok(())
}

fn profiling(env: &Environment) -> Result<()> {
    let mut session = Session::builder(env)?
        .with_profiling(made("rust_profile"))?
        .commit_from_file(model("conv.onnx"))?;
    session.run(inputs![floats(&[1, 1, 8, 8], &[0.5; 64])?])?;
    expect!(session.profiling_start_ns()? > 0);
    let file = session.end_profiling()?;
    let text = std::fs::read_to_string(&file).map_err(|e| ort::Error::new(format!("{file}: {e}")))?;
    expect!(
        text.trim_start().starts_with('[') && text.contains("Conv"),
        "{file} is a profile"
    );
    Ok(())
}

fn optimized_model(env: &Environment) -> Result<()> {
    let path = made("rust_optimized.onnx");
    let x = floats(&[1, 1, 8, 8], &[0.5; 64])?;
    let mut session = Session::builder(env)?
        .with_optimization_level(GraphOptimizationLevel::Level1)?
        .with_optimized_model_path(&path)?
        .commit_from_file(model("conv.onnx"))?;
    answer("optimized_model", "y", &session.run(inputs![&x])?["y"])?;
    let mut again = Session::builder(env)?.commit_from_file(&path)?;
    answer("optimized_model", "again", &again.run(inputs![&x])?["y"])
}

fn options(env: &Environment) -> Result<()> {
    let levels = [
        GraphOptimizationLevel::Disable,
        GraphOptimizationLevel::Level1,
        GraphOptimizationLevel::Level2,
        GraphOptimizationLevel::Level3,
    ];
    for (i, level) in levels.into_iter().enumerate() {
        let mut session = Session::builder(env)?
            .with_optimization_level(level)?
            .with_intra_threads(1 + i % 2)?
            .with_inter_threads(1)?
            .with_parallel_execution(i % 2 == 0)?
            .with_memory_pattern(i % 2 == 0)?
            .with_deterministic_compute(true)?
            .with_intra_op_spinning(false)?
            .with_log_id("options")?
            .with_config_entry("session.set_denormal_as_zero", "0")?
            .commit_from_file(model("tensors.onnx"))?;
        answer(
            "options",
            &format!("level{i}"),
            &session.run(inputs![iris()?])?["probabilities"],
        )?;
    }
    let session = Session::builder(env)?
        .with_dimension_override("batch", 4)?
        .commit_from_file(model("two_inputs.onnx"))?;
    answer_text("options", "fixed", &session.inputs()[0].dtype().to_string());
    let mut run = RunOptions::new()?.with_tag("a tag")?;
    run.set_log_level(ort::logging::LogLevel::Error)?;
    run.set_log_verbosity(3)?;
    run.set("key", "value")?;
    expect!(run.tag()? == "a tag" && run.log_verbosity()? == 3 && run.get("key").as_deref() == Some("value"));
    Ok(())
}

/// A pool whose threads the program makes and joins.
fn thread_manager(env: &Environment) -> Result<()> {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    static JOINED: AtomicUsize = AtomicUsize::new(0);
    struct Manager;
    impl ort::environment::ThreadManager for Manager {
        type Thread = std::thread::JoinHandle<()>;
        fn create(&self, work: impl FnOnce() + Send + 'static) -> Result<Self::Thread> {
            MADE.fetch_add(1, Ordering::SeqCst);
            Ok(std::thread::spawn(work))
        }
        fn join(thread: Self::Thread) -> Result<()> {
            JOINED.fetch_add(1, Ordering::SeqCst);
            thread.join().map_err(|_| ort::Error::new("a thread panicked"))
        }
    }
    let mut session = Session::builder(env)?
        .with_intra_threads(3)?
        .with_thread_manager(Manager)?
        .commit_from_file(model("conv.onnx"))?;
    session.run(inputs![floats(&[1, 1, 8, 8], &[0.5; 64])?])?;
    expect!(
        MADE.load(Ordering::SeqCst) == 2,
        "{} threads made",
        MADE.load(Ordering::SeqCst)
    );
    drop(session);
    expect!(
        JOINED.load(Ordering::SeqCst) == 2,
        "{} threads joined",
        JOINED.load(Ordering::SeqCst)
    );
    Ok(())
}

fn logger(env: &Environment) -> Result<()> {
    let called = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&called);
    let builder = Session::builder(env)?
        .with_log_level(ort::logging::LogLevel::Verbose)?
        .with_logger(Arc::new(move |_, _: &str, _: &str, _: &str, message: &str| {
            seen.store(!message.is_empty(), Ordering::SeqCst);
        }))?;
    let mut copy = builder.clone();
    drop(builder);
    let _session = copy.commit_from_file(model("conv.onnx"))?;
    expect!(called.load(Ordering::SeqCst), "the session's logger was called");
    Ok(())
}

fn devices(env: &Environment) -> Result<()> {
    let first = env
        .devices()
        .next()
        .ok_or_else(|| ort::Error::new("there is a device"))?;
    answer_text("devices", "first", first.ep()?);
    expect!(first.ep_vendor().is_ok() && first.hardware_device().vendor().is_ok());
    let mut session = Session::builder(env)?
        .with_devices([first], None)?
        .commit_from_file(model("tensors.onnx"))?;
    let out: &DynValue = &session.run(inputs![iris()?])?["label"];
    answer("devices", "label", out)
}
