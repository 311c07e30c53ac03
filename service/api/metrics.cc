// GET /metrics, and what is counted of the API itself.
#include "library/meta/metrics.h"

#include "service/api/routes.h"

namespace wellhead::api {
namespace {

using webserver::Request;
using webserver::Response;
using webserver::Task;

Task<Response> metrics(Request) {
  Response response;
  response.content_type = meta::kMetricsContentType;
  response.headers.emplace_back("Cache-Control", "no-store");
  response.body = meta::metrics_text();
  co_return response;
}

}  // namespace

void add_metrics_route(webserver::RouteTable& table) {
  table.add_schema({"Metrics", R"json({"type": "string"})json"});
  webserver::Route route;
  route.path = "/metrics";
  route.operation_id = "get_metrics";
  route.tag = "Health";
  route.summary = "What this process counts, for Prometheus";
  route.description =
      "Prometheus' text format 0.0.4: requests to the sources and to this API, rows, batches, workflows. Nothing in it "
      "names a patient, a run or a zip code.";
  route.responses = {{.description = "The metrics.",
                      .schema = "Metrics",
                      .example = R"("wellhead_rows_total{outcome=\"inserted\",table=\"patient\"} 9000\n")",
                      .content_type = "text/plain"}};
  route.access = webserver::Access::any_key;
  route.handler = metrics;
  table.add(std::move(route));
}

void count_request(const webserver::RequestRecord& record) {
  static meta::CounterFamily requests("wellhead_api_requests_total",
                                      "Answers of the API by method, route and status; route none: no such path.",
                                      {"method", "route", "status"});
  static meta::HistogramFamily seconds(
      "wellhead_api_request_seconds", "From the complete request to the answer being handed to the socket.",
      {"method", "route"}, {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10});
  const std::string_view route = record.route.empty() ? "none" : record.route;
  const auto method = to_string(record.method);
  requests.add({method, route, std::to_string(record.status)});
  seconds.observe({method, route}, std::chrono::duration<double>(record.duration).count());
}

}  // namespace wellhead::api
