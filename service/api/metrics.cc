// GET /metrics, and what is counted of the API itself.
#include "library/meta/metrics.h"

#include <string>
#include <utility>

#include "library/meta/error.h"
#include "service/api/routes.h"
#include "service/resource/row_limits.h"

namespace wellhead::api {
namespace {

using storage::Result;
using storage::Statement;
using webserver::Request;
using webserver::Response;
using webserver::Task;

// Those that lag most, where there are very many.
constexpr const char* kLags =
    "SELECT z.zipcode, round(extract(epoch FROM clock_timestamp() - coalesce(r.started_at, r.requested_at)), 1) FROM "
    "zipcode z JOIN run r ON r.run_id = z.last_complete_run ORDER BY 2 DESC, 1 LIMIT 1000";

// A gauge that the database knows, and every process tells alike. Without the database it is absent.
Task<std::string> lags(resource::Reading reading) {
  static const Statement statement(kLags);
  std::string text;
  try {
    auto query = reading.query(statement);
    const Result rows = co_await query;
    if (!rows.empty()) {
      text =
          "# HELP wellhead_zipcode_lag_seconds Since the last complete load of the zip code began.\n"
          "# TYPE wellhead_zipcode_lag_seconds gauge\n";
    }
    for (int row = 0; row < rows.rows(); ++row) {
      text.append("wellhead_zipcode_lag_seconds{zipcode=\"").append(rows.text(row, 0)).append("\"} ");
      text.append(rows.text(row, 1)).append("\n");
    }
  } catch (const meta::Error&) {
    text.clear();  // the API's log tells of a database that is away
  }
  co_return text;
}

Task<Response> metrics(storage::AsyncConnections* connections, Request request) {
  Response response;
  response.content_type = meta::kMetricsContentType;
  response.headers.emplace_back("Cache-Control", "no-store");
  response.body = meta::metrics_text();
  auto known = lags(resource::Reading(*connections, request));
  const std::string more = co_await known;
  response.body += more;
  co_return response;
}

}  // namespace

void add_metrics_route(storage::AsyncConnections& connections, webserver::RouteTable& table) {
  table.add_schema({"Metrics", R"json({"type": "string"})json"});
  webserver::Route route;
  route.path = "/metrics";
  route.operation_id = "get_metrics";
  route.tag = "Health";
  route.summary = "What this process counts, for Prometheus";
  route.description =
      "Prometheus' text format 0.0.4: requests to the sources and to this API, rows, batches, workflows, connections; "
      "and "
      "of each zip code how long ago its last complete load began. Nothing in it names a patient or a run.";
  route.responses = {{.description = "The metrics.",
                      .schema = "Metrics",
                      .example = R"("wellhead_rows_total{outcome=\"inserted\",table=\"patient\"} 9000\n")",
                      .content_type = "text/plain"}};
  route.access = webserver::Access::any_key;
  route.limited = true;
  route.handler = [all = &connections](Request request) { return metrics(all, std::move(request)); };
  table.add(std::move(route));
}

void count_request(const webserver::RequestRecord& record) {
  static meta::CounterFamily requests("wellhead_api_requests_total",
                                      "Answers of the API by method, route and status; route none: no such path.",
                                      {"method", "route", "status"});
  static meta::HistogramFamily seconds(
      "wellhead_api_request_seconds", "From the complete request to the answer being handed to the socket.",
      {"method", "route"}, {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10});
  static meta::CounterFamily bytes("wellhead_api_response_bytes_total", "Bytes of the bodies of answers.", {"route"});
  const std::string_view route = record.route.empty() ? "none" : record.route;
  const auto method = to_string(record.method);
  bytes.add({route}, static_cast<double>(record.response_bytes));
  requests.add({method, route, std::to_string(record.status)});
  seconds.observe({method, route}, std::chrono::duration<double>(record.duration).count());
}

}  // namespace wellhead::api
