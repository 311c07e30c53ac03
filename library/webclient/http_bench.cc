// What it costs to receive a page of 1 MB from this machine, plain and compressed (CPU of the client's thread alone),
// and a small answer over a connection that is kept.
#include "library/webclient/http.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <zlib.h>

#include "library/webclient/testing/scripted_server.h"

namespace wellhead::webclient {
namespace {

using testing::Received;
using testing::Reply;

std::string page() {
  std::string text;
  for (int i = 0; text.size() < 1'000'000; ++i) {
    text += fmt::format(
        R"({{"resourceType":"Observation","id":"e7edc310-bccc-587f-b184-{:012}","status":"final","code":{{"coding":[{{"system":)"
        R"("http://loinc.org","code":"8302-2","display":"Body Height"}}]}},"subject":{{"reference":"Patient/{}"}},)"
        R"("effectiveDateTime":"2018-06-14T15:28:03+00:00","valueQuantity":{{"value":{}.1,"unit":"cm"}}}},)",
        i * 7919, i / 40, i % 211);
  }
  return text;
}

std::string gzip(const std::string& text) {
  z_stream stream = {};
  deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string input = text;
  std::string out(deflateBound(&stream, input.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

void receive(benchmark::State& state, const Reply& reply, Compression compression) {
  testing::ScriptedServer server([&reply](const Received&) { return reply; });
  HttpSettings settings;
  settings.compression = compression;
  HttpClient client(settings);
  const HttpRequest request{.url = server.url()};
  std::size_t bytes = 0;
  for (auto _ : state) bytes += client.send(request).body.size();
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
}

void receive_plain(benchmark::State& state) { receive(state, Reply{.body = page()}, Compression::never); }
BENCHMARK(receive_plain);

void receive_gzip(benchmark::State& state) {
  receive(state, Reply{.headers = {{"Content-Encoding", "gzip"}}, .body = gzip(page())}, Compression::always);
}
BENCHMARK(receive_gzip);

void receive_small(benchmark::State& state) { receive(state, Reply{.body = "{}"}, Compression::never); }
BENCHMARK(receive_small);

}  // namespace
}  // namespace wellhead::webclient
