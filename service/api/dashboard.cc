// GET /: the dashboard, embedded at build. What a reader looks at stands behind the # of the address, so / is all.
#include "web/dashboard.h"

#include <algorithm>
#include <string>
#include <utility>

#include "library/meta/digest.h"
#include "library/meta/error.h"
#include "service/api/embedded_file.h"
#include "service/api/routes.h"

namespace wellhead::api {
namespace {

using webserver::Request;
using webserver::Response;
using webserver::Route;
using webserver::Task;

// The page loads only what this server has, and nothing inline; charts set styles by the CSSOM, which this allows.
constexpr std::string_view kDashboardSecurity =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri "
    "'none'; form-action 'none'; frame-ancestors 'none'";
constexpr std::string_view kForEver = "public, max-age=31536000, immutable";
constexpr std::string_view kAskAgain = "no-cache";
constexpr std::uint64_t kDashboardTagSeed = 0x70616765;
constexpr std::string_view kAssets = "assets/";

Response dashboard_answer(const web::DashboardFile& file, const Request& request) {
  const bool immutable = file.path.starts_with(kAssets);
  Response response;
  response.content_type = file.content_type;
  const std::string tag = "\"" + std::string(meta::row_digest(file.gzip, kDashboardTagSeed).hex().data(), 32) + "\"";
  response.headers.emplace_back("ETag", "W/" + tag);
  response.headers.emplace_back("Cache-Control", immutable ? kForEver : kAskAgain);
  response.headers.emplace_back("Content-Security-Policy", kDashboardSecurity);
  response.headers.emplace_back("Referrer-Policy", "no-referrer");
  if (request.header("If-None-Match").find(tag) != std::string_view::npos) {
    response.status = 304;
    response.headers.emplace_back("Vary", "Accept-Encoding");
    return response;
  }
  const std::string_view codings = request.header("Accept-Encoding");
  if (!codings.empty() && webserver::accepts(codings, "gzip")) {
    response.body = file.gzip;
    response.headers.emplace_back("Content-Encoding", "gzip");
    response.headers.emplace_back("Vary", "Accept-Encoding");
  } else {
    response.body = inflated(file.gzip);
  }
  return response;
}

Response stand_in() {
  Response response;
  response.content_type = "text/html; charset=utf-8";
  response.headers.emplace_back("Content-Security-Policy", kDashboardSecurity);
  response.headers.emplace_back("Cache-Control", kAskAgain);
  response.body =
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Wellhead</title></head><body>\n"
      "<h1>Wellhead</h1>\n<p>The dashboard is not in this program: " +
      std::string(web::dashboard_missing()) +
      ".</p>\n<p>The API works: see <a href=\"docs\">its documentation</a>.</p>\n</body></html>\n";
  return response;
}

Task<Response> dashboard_page(Request request) {
  const auto files = web::dashboard_files();
  const auto index = std::ranges::find(files, "index.html", &web::DashboardFile::path);
  co_return index == files.end() ? stand_in() : dashboard_answer(*index, request);
}

Task<Response> dashboard_asset(Request request) {
  const std::string path = std::string(kAssets) + std::string(*request.arguments.text("file"));
  for (const web::DashboardFile& file : web::dashboard_files()) {
    if (file.path == path) co_return dashboard_answer(file, request);
  }
  throw meta::Error(meta::ErrorCode::not_found, "There is no such file");
}

Task<Response> to_docs(Request) {
  Response response;
  response.status = 302;
  response.content_type.clear();
  response.headers.emplace_back("Location", "/docs");
  co_return response;
}

Route dashboard_route(std::string path, webserver::Handler handler) {
  Route route;
  route.path = std::move(path);
  route.documented = false;
  route.access = webserver::Access::anyone;
  route.responses = {{.description = "The file.", .content_type = ""}};
  route.handler = std::move(handler);
  return route;
}

}  // namespace

void add_dashboard_routes(bool has_loads, webserver::RouteTable& table) {
  table.add(dashboard_route("/", has_loads ? dashboard_page : to_docs));
  if (!has_loads) return;
  Route files = dashboard_route("/assets/{file}", dashboard_asset);
  webserver::Parameter file;
  file.name = "file";
  file.in = webserver::ParameterIn::path;
  files.parameters.push_back(std::move(file));
  table.add(std::move(files));
}

}  // namespace wellhead::api
