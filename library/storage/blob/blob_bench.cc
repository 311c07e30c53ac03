// What a blob costs to write and to read back, in a directory and in a MinIO on this machine. "Time" is the clock's,
// "CPU" this process's with all its threads; server_cpu is MinIO's own CPU time a blob.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "library/storage/blob/blob_store.h"
#include "tests/fixture/directory.h"
#include "tests/fixture/minio.h"

namespace wellhead::storage {
namespace {

fixture::Minio& minio() {
  static fixture::Minio server;
  return server;
}

const fixture::TestDirectory& directory() {
  static const fixture::TestDirectory made;
  return made;
}

std::unique_ptr<BlobStore> open(bool s3) {
  if (!s3) return open_blob_store("file://" + directory().path().string());
  ObjectStoreSettings settings;
  settings.endpoint = minio().endpoint();
  settings.access_key = minio().access_key();
  settings.secret_key = minio().secret_key();
  settings.create_bucket = true;
  return open_blob_store("s3://bench", settings);
}

// User and system time of the process so far (proc(5)).
double cpu_seconds(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/stat");
  std::ostringstream text;
  text << file.rdbuf();
  std::istringstream fields(text.str().substr(text.str().rfind(')') + 2));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

// Different each time, so that each is written.
std::string content(std::size_t bytes) {
  static std::uint64_t seed = 0;
  std::string out(bytes, '\0');
  auto state = ++seed * 0x9E3779B97F4A7C15U;
  for (auto& c : out) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    c = static_cast<char>(state);
  }
  return out;
}

BlobKey put(BlobStore& store, const std::string& bytes) {
  auto writer = store.create("csv", ".csv.zst");
  writer->write(bytes);
  return writer->finish().key;
}

void report(benchmark::State& state, bool s3, double server_before) {
  state.SetBytesProcessed(state.iterations() * state.range(0));
  if (s3) {
    state.counters["server_cpu"] =
        benchmark::Counter((cpu_seconds(minio().pid()) - server_before) / static_cast<double>(state.iterations()));
  }
}

void write(benchmark::State& state, bool s3) {
  const auto store = open(s3);
  std::vector<BlobKey> written;
  const auto before = s3 ? cpu_seconds(minio().pid()) : 0;
  for (auto _ : state) {
    state.PauseTiming();
    const auto bytes = content(static_cast<std::size_t>(state.range(0)));
    state.ResumeTiming();
    written.push_back(put(*store, bytes));
  }
  report(state, s3, before);
  for (const auto& key : written) store->remove(key);
}

void read(benchmark::State& state, bool s3) {
  const auto store = open(s3);
  const auto key = put(*store, content(static_cast<std::size_t>(state.range(0))));
  const auto before = s3 ? cpu_seconds(minio().pid()) : 0;
  for (auto _ : state) {
    std::size_t bytes = 0;
    store->read(key, [&](std::string_view piece) { bytes += piece.size(); });
    benchmark::DoNotOptimize(bytes);
  }
  report(state, s3, before);
  store->remove(key);
}

void sizes(benchmark::internal::Benchmark* bench) {
  bench->Arg(64 << 10)->Arg(1 << 20)->Arg(64 << 20)->MeasureProcessCPUTime()->UseRealTime()->Unit(
      benchmark::kMillisecond);
}

BENCHMARK_CAPTURE(write, directory, false)->Apply(sizes);
BENCHMARK_CAPTURE(write, minio, true)->Apply(sizes);
BENCHMARK_CAPTURE(read, directory, false)->Apply(sizes);
BENCHMARK_CAPTURE(read, minio, true)->Apply(sizes);

}  // namespace
}  // namespace wellhead::storage
