// What a Node program does with onnxruntime-node: prints PASS and FAIL lines, writes answers.txt.
'use strict';
const fs = require('fs');
const path = require('path');
const { Worker, isMainThread, parentPort } = require('worker_threads');
const ort = require('onnxruntime-node');

const MODELS = process.env.MODELS;
const OUT = process.env.OUT;
const model = (name) => path.join(MODELS, name);
const tests = [];
const test = (name, run) => tests.push([name, run]);

function expect(good, what) {
  if (!good) throw new Error(`not so: ${what}`);
}

async function rejects(promise, what) {
  try {
    await promise;
  } catch (error) {
    expect(error instanceof Error && error.message.length > 0, `an error with a text: ${what}`);
    return error;
  }
  throw new Error(`no error: ${what}`);
}

function answer(check, output, value) {
  const real = /^float(32|64)$/.test(value.type);
  const format = (v) =>
    typeof v === 'string' ? JSON.stringify(v) : typeof v === 'number' && real ? String(Number(v.toPrecision(9))) : String(v);
  const values = Array.from(value.data, (v) => format(typeof v === 'boolean' ? Number(v) : v));
  fs.appendFileSync(path.join(OUT, 'answers.txt'), `${check} ${output} ${value.type} [${value.dims}] ${values.join(' ')}\n`);
}

const iris = () =>
  new ort.Tensor('float32', Float32Array.from([5.1, 3.5, 1.4, 0.2, 6.2, 2.9, 4.3, 1.3, 7.7, 3, 6.1, 2.3]), [3, 4]);
const floats = (values, dims) => new ort.Tensor('float32', Float32Array.from(values), dims || [values.length]);

test('library', async () => {
  const loaded = fs.readFileSync('/proc/self/maps', 'utf8').match(/\S*libonnxruntime\.so\S*/g);
  const expected = process.env.EXPECTED_LIBRARY;
  expect(loaded, 'libonnxruntime is loaded');
  if (expected) {
    const real = fs.realpathSync(path.join(expected, 'libonnxruntime.so.1'));
    expect(loaded.every((p) => p === real), `only ${real}, not ${loaded[0]}`);
  }
});

test('classifier', async () => {
  const session = await ort.InferenceSession.create(model('tensors.onnx'));
  const out = await session.run({ x: iris() });
  answer('classifier', 'label', out.label);
  answer('classifier', 'probabilities', out.probabilities);
  const one = await session.run({ x: iris() }, ['label']);
  expect(Object.keys(one).join() === 'label', 'one output alone');
  await session.release();
});

test('zipmap', async () => {
  // This binding has no sequences of maps: the label is there, the probabilities are refused.
  const session = await ort.InferenceSession.create(model('classifier.onnx'));
  expect(session.outputNames.join() === 'label,probabilities', 'names');
  answer('zipmap', 'label', (await session.run({ x: iris() }, ['label'])).label);
  await rejects(session.run({ x: iris() }, ['probabilities']), 'a sequence as an output');
});

test('string_classifier', async () => {
  const session = await ort.InferenceSession.create(model('classifier_strings.onnx'));
  const feeds = { color: new ort.Tensor('string', ['red', 'blue', 'unseen'], [3, 1]), size: floats([1, 2, 9], [3, 1]) };
  answer('string_classifier', 'label', (await session.run(feeds, ['label'])).label);
});

test('strings', async () => {
  const session = await ort.InferenceSession.create(model('strings.onnx'));
  const out = await session.run({ s: new ort.Tensor('string', ['a', '', 'žluť', 'a "quoted" \\ text'], [4]) });
  answer('strings', 't', out.t);
  answer('strings', 'id', out.id);
});

test('two_inputs', async () => {
  const session = await ort.InferenceSession.create(model('two_inputs.onnx'));
  for (const rows of [1, 2, 5]) {
    const a = floats(Array.from({ length: rows * 3 }, (_, i) => i), [rows, 3]);
    const b = floats(Array.from({ length: 3 * (rows + 1) }, (_, i) => i * i), [3, rows + 1]);
    const out = await session.run({ a, b });
    answer('two_inputs', 'y', out.y);
    answer('two_inputs', 'z', out.z);
  }
});

test('metadata', async () => {
  const session = await ort.InferenceSession.create(model('two_inputs.onnx'));
  expect(session.inputNames.join() === 'a,b' && session.outputNames.join() === 'y,z', 'names');
  const [a] = session.inputMetadata;
  expect(a.name === 'a' && a.isTensor && a.type === 'float32', 'the first input');
  expect(a.shape.join() === 'batch,3', `symbolic shape, found ${a.shape}`);
  expect(session.outputMetadata[0].shape.join() === 'batch,n', 'shape of the output');
  const zipmap = await ort.InferenceSession.create(model('classifier.onnx'));
  expect(zipmap.outputMetadata[1].isTensor === false, 'a sequence is no tensor');
});

const types = {
  float: ['float32', Float32Array.from([1.5, -2, 0])],
  double: ['float64', Float64Array.from([1.5, -2, 1e300])],
  int8: ['int8', Int8Array.from([1, -128, 127])],
  int16: ['int16', Int16Array.from([1, -32768, 32767])],
  int32: ['int32', Int32Array.from([1, -2147483648, 2147483647])],
  int64: ['int64', BigInt64Array.from([1n, -9223372036854775808n, 9223372036854775807n])],
  uint8: ['uint8', Uint8Array.from([1, 0, 255])],
  uint16: ['uint16', Uint16Array.from([1, 0, 65535])],
  uint32: ['uint32', Uint32Array.from([1, 0, 4294967295])],
  uint64: ['uint64', BigUint64Array.from([1n, 0n, 18446744073709551615n])],
  bool: ['bool', Uint8Array.from([1, 0, 1])],
  float16: ['float16', Uint16Array.from([0x3c00, 0xc000, 0x7bff])],
  string: ['string', ['x', '', 'ü']],
};
for (const [name, [type, data]] of Object.entries(types)) {
  test(`type_${name}`, async () => {
    const session = await ort.InferenceSession.create(model(`identity_${name}.onnx`));
    const x = new ort.Tensor(type, data, [3]);
    const { y } = await session.run({ x });
    expect(y.type === type, `type ${y.type}`);
    answer('identity', name, y);
    expect(y.data !== data, 'memory of its own');
  });
}

test('from_memory', async () => {
  const bytes = fs.readFileSync(model('conv.onnx'));
  const session = await ort.InferenceSession.create(new Uint8Array(bytes));
  const x = floats(Array.from({ length: 64 }, (_, i) => i / 64), [1, 1, 8, 8]);
  answer('conv', 'y', (await session.run({ x })).y);
  const part = await ort.InferenceSession.create(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  expect(part.inputNames.join() === 'x', 'from a part of a buffer');
});

test('external_data', async () => {
  const session = await ort.InferenceSession.create(model('external.onnx'));
  const x = floats(Array.from({ length: 64 }, (_, i) => i / 64), [1, 64]);
  answer('external', 'y', (await session.run({ x })).y);
  const data = fs.readFileSync(model('external.bin'));
  const options = { externalData: [{ path: 'external.bin', data: new Uint8Array(data) }] };
  const other = await ort.InferenceSession.create(new Uint8Array(fs.readFileSync(model('external.onnx'))), options);
  answer('external', 'memory', (await other.run({ x })).y);
});

test('output_tensor_given', async () => {
  const session = await ort.InferenceSession.create(model('one_input.onnx'));
  const z = floats([0, 0, 0], [1, 3]);
  const out = await session.run({ a: floats([1, 2, 3], [1, 3]) }, { z });
  expect(Array.from(out.z.data).join() === '2,3,4', 'the answer');
  answer('given', 'z', out.z);
});

test('options', async () => {
  const optimized = path.join(OUT, 'node_optimized.onnx');
  const session = await ort.InferenceSession.create(model('conv.onnx'), {
    executionProviders: ['cpu'],
    intraOpNumThreads: 2,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'basic',
    enableCpuMemArena: true,
    enableMemPattern: true,
    executionMode: 'sequential',
    logId: 'node',
    logSeverityLevel: 3,
    optimizedModelFilePath: optimized,
    extra: { session: { set_denormal_as_zero: '1' } },
    freeDimensionOverrides: { N: 1 },
  });
  expect(fs.statSync(optimized).size > 100, 'the optimised model is written');
  const x = floats(new Array(64).fill(0.25), [1, 1, 8, 8]);
  const run = { logSeverityLevel: 3, tag: 'run' };
  answer('options', 'y', (await session.run({ x }, run)).y);
  await rejects(ort.InferenceSession.create(model('conv.onnx'), { executionProviders: ['bogus'] }), 'unknown provider');
  await rejects(ort.InferenceSession.create(model('conv.onnx'), { graphOptimizationLevel: 'bogus' }), 'unknown level');
});

test('profiling', async () => {
  const prefix = path.join(OUT, 'node_profile');
  const session = await ort.InferenceSession.create(model('conv.onnx'), { enableProfiling: true, profileFilePrefix: prefix });
  await session.run({ x: floats(new Array(64).fill(1), [1, 1, 8, 8]) });
  session.endProfiling();
  const files = fs.readdirSync(OUT).filter((f) => f.startsWith('node_profile') && f.endsWith('.json'));
  expect(files.length > 0, 'a profile is written');
  expect(Array.isArray(JSON.parse(fs.readFileSync(path.join(OUT, files[0]), 'utf8'))), 'a profile of JSON');
});

test('load_errors', async () => {
  for (const name of ['nope.onnx', 'garbage.onnx', 'empty.onnx', 'badop.onnx', 'cyclic.onnx', 'custom.onnx'])
    await rejects(ort.InferenceSession.create(model(name)), name);
  await rejects(ort.InferenceSession.create(new Uint8Array([1, 2, 3])), 'garbage bytes');
  await rejects(ort.InferenceSession.create(new Uint8Array(0)), 'no bytes');
});

test('run_errors', async () => {
  const session = await ort.InferenceSession.create(model('one_input.onnx'));
  await rejects(session.run({ a: floats(new Array(4).fill(0), [1, 4]) }), 'wrong dimension');
  await rejects(session.run({ a: floats([1, 2, 3]) }), 'wrong rank');
  await rejects(session.run({ a: new ort.Tensor('int32', [1, 2, 3], [1, 3]) }), 'wrong type');
  await rejects(session.run({ wrong: floats([1, 2, 3], [1, 3]) }), 'wrong name');
  await rejects(session.run({}), 'nothing given');
  await rejects(session.run({ a: floats([1, 2, 3], [1, 3]) }, ['none']), 'unknown output');
});

test('release', async () => {
  const session = await ort.InferenceSession.create(model('one_input.onnx'));
  await session.release();
  await rejects(Promise.resolve().then(() => session.run({ a: floats([1, 2, 3], [1, 3]) })), 'a released session');
});

test('concurrent_runs', async () => {
  const session = await ort.InferenceSession.create(model('tensors.onnx'));
  const all = await Promise.all(Array.from({ length: 100 }, () => session.run({ x: iris() })));
  expect(all.every((o) => o.label.data.join() === '0,1,2'), 'the same labels each time');
});

test('worker_threads', async () => {
  const answers = await Promise.all(
    [0, 1, 2].map(
      () =>
        new Promise((resolve, reject) => {
          const worker = new Worker(__filename);
          worker.on('message', resolve);
          worker.on('error', reject);
        }),
    ),
  );
  expect(answers.every((a) => a === '0,1,2'), `labels from the workers: ${answers}`);
});

test('backends', async () => {
  const names = ort.listSupportedBackends().map((b) => b.name);
  expect(names.includes('cpu'), names.join());
  answer('backends', 'version', { type: 'string', dims: [], data: [ort.env.versions.node ? 'known' : 'none'] });
});

async function main() {
  let failed = 0;
  for (const [name, run] of tests) {
    try {
      await run();
      console.log(`PASS node ${name}`);
    } catch (error) {
      failed++;
      console.log(`FAIL node ${name}: ${String(error.message).replace(/\s+/g, ' ').slice(0, 300)}`);
    }
  }
  process.exitCode = failed ? 1 : 0;
}

async function work() {
  const session = await ort.InferenceSession.create(model('tensors.onnx'));
  parentPort.postMessage((await session.run({ x: iris() })).label.data.join());
  await session.release();
}

if (isMainThread) main();
else work();
