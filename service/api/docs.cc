#include <memory>
#include <string>
#include <utility>

#include "library/meta/error.h"
#include "service/api/embedded_file.h"
#include "service/api/routes.h"
#include "web/docs_assets.h"

namespace wellhead::api {
namespace {

using webserver::Request;
using webserver::Response;
using webserver::Route;
using webserver::Task;

// The page loads only what this server has: no outside network, no inline script.
constexpr std::string_view kContentSecurity =
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src "
    "'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

constexpr std::string_view kPage = R"html(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Wellhead API</title>
<link rel="icon" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="docs"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
)html";

constexpr std::string_view kStart =
    "SwaggerUIBundle({url: '/openapi.json', dom_id: '#docs', deepLinking: true, defaultModelsExpandDepth: 0, "
    "validatorUrl: null});\n";

std::string plain_page() {
  return "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Wellhead API</title></head><body>\n"
         "<h1>Wellhead API</h1>\n<p>" +
         std::string(web::docs_assets_missing()) +
         "</p>\n<p>The API is described in <a href=\"/openapi.json\">/openapi.json</a> (OpenAPI "
         "3.1).</p>\n</body></html>\n";
}

Response text(std::string body, std::string content_type) {
  Response response;
  response.content_type = std::move(content_type);
  response.headers.emplace_back("Content-Security-Policy", kContentSecurity);
  response.headers.emplace_back("Referrer-Policy", "no-referrer");
  response.body = std::move(body);
  return response;
}

Response asset_response(const web::DocsAsset& asset, const Request& request) {
  const bool gzip =
      !request.header("Accept-Encoding").empty() && webserver::accepts(request.header("Accept-Encoding"), "gzip");
  Response response = text(gzip ? std::string(asset.gzip) : inflated(asset.gzip), std::string(asset.content_type));
  if (gzip) response.headers.emplace_back("Content-Encoding", "gzip");
  response.headers.emplace_back("Vary", "Accept-Encoding");
  response.headers.emplace_back("Cache-Control", "max-age=3600");
  return response;
}

Task<Response> asset_file(Request request) {
  const std::string_view wanted = *request.arguments.text("file");
  if (wanted == "start.js") co_return text(std::string(kStart), "text/javascript; charset=utf-8");
  for (const web::DocsAsset& asset : web::docs_assets()) {
    if (asset.path == wanted) co_return asset_response(asset, request);
  }
  throw meta::Error(meta::ErrorCode::not_found, "There is no such file");
}

Task<Response> page(Request) {
  const bool plain = web::docs_assets().empty();
  co_return text(plain ? plain_page() : std::string(kPage), "text/html; charset=utf-8");
}

Task<Response> document(std::shared_ptr<const std::string> json, Request) { co_return Response::json(*json); }

Route undocumented(std::string path, std::string content_type, webserver::Handler handler) {
  Route route;
  route.path = std::move(path);
  route.documented = false;
  route.access = webserver::Access::anyone;
  route.responses = {{.description = "The file.", .content_type = std::move(content_type)}};
  route.handler = std::move(handler);
  return route;
}

}  // namespace

void add_docs_routes(webserver::RouteTable& table) {
  table.add(undocumented("/docs", "text/html", page));
  Route files = undocumented("/docs/{file}", "", asset_file);
  webserver::Parameter file;
  file.name = "file";
  file.in = webserver::ParameterIn::path;
  files.parameters.push_back(std::move(file));
  table.add(std::move(files));
  const auto json = std::make_shared<const std::string>(openapi_document(table));
  table.add(undocumented("/openapi.json", "application/json",
                         [json](Request request) { return document(json, std::move(request)); }));
}

}  // namespace wellhead::api
