// The files of the API's docs page (Swagger UI), embedded at build; nothing is read or fetched at run time.
//
// Empty when the build had no npm or could not reach its registry: then docs_assets_missing() says why and what to do,
// for a page that stands in.
#pragma once

#include <span>
#include <string_view>

namespace wellhead::web {

struct DocsAsset {
  std::string_view path;  // below the docs page, without a leading slash: "swagger-ui.css"
  std::string_view content_type;
  std::string_view gzip;  // the bytes as gzip (RFC 1952), to be sent with Content-Encoding: gzip
};

// swagger-ui.css, swagger-ui-bundle.js, favicon-32x32.png and LICENSE.
std::span<const DocsAsset> docs_assets();

// Why there are none, as a sentence; empty when there are.
std::string_view docs_assets_missing();

}  // namespace wellhead::web
