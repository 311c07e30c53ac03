// wellhead health: asks the API or worker that runs here whether it is ready, for who has no HTTP client: containers.
#include <fmt/format.h>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "app/wellhead/command.h"
#include "library/meta/access_settings.h"
#include "library/meta/describe.h"
#include "library/meta/error.h"
#include "library/webclient/http.h"

namespace wellhead::app {
namespace {

constexpr std::string_view kHealthExamples =
    "  wellhead health                                        as the settings here say where to ask\n"
    "  wellhead health --listen 127.0.0.1:8080                the API there\n"
    "It asks the API at WELLHEAD_LISTEN; if nobody listens there, a worker at WELLHEAD_METRICS_LISTEN.\n"
    "Exit status: 0 when it is ready, 1 when it is not, or when nobody answers.";

constexpr std::chrono::milliseconds kHealthConnectTime{2'000};
constexpr std::chrono::milliseconds kHealthAnswerTime{4'000};

struct Health {
  std::string url;
  bool ready = false;
  std::string problem;
  bool nobody_listens = false;

  static constexpr auto kFields = meta::fields(meta::field("url", &Health::url), meta::field("ready", &Health::ready),
                                               meta::field("problem", &Health::problem));
};

// What an answer that is not 200 says (RFC 9457).
struct HealthProblem {
  std::string detail;
  static constexpr auto kFields = meta::fields(meta::field("detail", &HealthProblem::detail));
};

std::string explain_health(const webclient::HttpResponse& response) {
  try {
    return meta::from_json<HealthProblem>(response.body).detail;
  } catch (const meta::Error&) {
    return webclient::explain_body(response);
  }
}

// Where somebody of this machine reaches what listens there.
std::string health_url(const meta::Settings& settings, const meta::setting::Text& setting, const char* scheme) {
  const std::string listen = settings.get(setting);
  const auto colon = listen.rfind(':');
  std::string host = listen.substr(0, colon);
  const std::string port = listen.substr(colon + 1);
  if (port == "0") {
    throw meta::Error(meta::ErrorCode::invalid_setting,
                      fmt::format("{} is {}, any free port, so nobody knows where to ask", setting.name, listen),
                      fmt::format("Give {} a port", setting.name));
  }
  if (host.empty() || host == "*" || host == "0.0.0.0") host = "127.0.0.1";
  if (host == "[::]") host = "[::1]";
  return fmt::format("{}://{}:{}/health/ready", scheme, host, port);
}

// certificate: a file with that of the server, when it speaks TLS.
Health ask_health(const std::string& url, const std::string& certificate = {}) {
  webclient::HttpSettings http;
  // It is for the name that the server has outside, not for this machine's own.
  http.ca_file = certificate;
  http.any_server_name = !certificate.empty();
  http.source_url = url;
  http.user_agent = "wellhead-health/" WELLHEAD_VERSION;
  http.connect_timeout = kHealthConnectTime;
  http.read_timeout = kHealthAnswerTime;
  http.request_timeout = kHealthAnswerTime;
  http.retry.attempts = 1;
  Health health{.url = url};
  try {
    webclient::HttpClient client(http);
    webclient::HttpRequest request;
    request.url = url;
    request.explain = explain_health;
    const auto response = client.send(request);
    health.ready = response.status == 200;
    if (!health.ready) health.problem = webclient::status_error(request, response).message();
  } catch (const meta::Error& error) {
    health.nobody_listens = error.code() == meta::ErrorCode::source_unreachable;
    health.problem = error.message();
  }
  return health;
}

int show_health(const CommandLine& line) {
  const auto settings = line.start();
  const std::string certificate = settings.get(meta::setting::kTlsCertificateFile);
  Health health =
      ask_health(health_url(settings, meta::setting::kListen, certificate.empty() ? "http" : "https"), certificate);
  if (health.nobody_listens && settings.is_set(meta::setting::kMetricsListen)) {
    Health worker = ask_health(health_url(settings, meta::setting::kMetricsListen, "http"));
    if (worker.nobody_listens) worker.problem = fmt::format("{}; {}", health.problem, worker.problem);
    health = std::move(worker);
  }
  if (line.json) {
    fmt::print("{}\n", meta::to_json(health));
  } else {
    fmt::print("{}\n", health.ready ? "ready" : "not ready: " + health.problem);
  }
  return health.ready ? kDone : kWorkFailed;
}

}  // namespace

void add_health(const Command& program, CommandLine& line) {
  const auto command = add_command(program, line, "health", "Ask the API or worker that runs here whether it is ready.",
                                   kHealthExamples, {&meta::setting::kListen, &meta::setting::kMetricsListen});
  command.when_chosen([&line] { line.action = [&line] { return show_health(line); }; });
}

}  // namespace wellhead::app
