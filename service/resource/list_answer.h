// Lists in each of their forms: a page as JSON, NDJSON, CSV or a FHIR Bundle, and all pages at once as NDJSON or CSV.
// Internal to the routes.
#pragma once

#include <cstdint>

#include "library/webserver/http.h"
#include "service/resource/list_request.h"
#include "service/resource/served_resource.h"

namespace wellhead::resource {

enum class ListFormat { json, ndjson, csv, fhir };

// By the parameter `format`, else by Accept. Which types there are stands in kListTypes.
ListFormat format_of(const webserver::Request& request);

struct Count {
  CountKind kind = CountKind::none;
  std::int64_t rows = 0;
};

webserver::Response json_page(const ServedResource& resource, const webserver::Request& request,
                              const ListRequest& list, const storage::Result& rows,
                              const std::vector<Children>& children, const Count& counted);
// A page in the lines of another format. The next page is in the header Link only.
webserver::Response lines_page(const ServedResourcePointer& resource, const webserver::Request& request,
                               const ListRequest& list, const storage::Result& rows,
                               const std::vector<Children>& children, ListFormat format);
// Everything, streamed.
webserver::Task<webserver::Response> whole_list(ServedResourcePointer resource, webserver::Request request,
                                                ListRequest list, ListFormat format);
// A searchset Bundle (FHIR R4 §2.36) of the resources as they were received.
webserver::Task<webserver::Response> bundle_page(ServedResourcePointer resource, webserver::Request request,
                                                 ListRequest list, Count counted, storage::Result rows);

// One resource as it was received. Error{not_found}.
webserver::Task<webserver::Response> raw_resource(ServedResourcePointer resource, webserver::Request request);

webserver::Response not_for_limited_keys(const webserver::Request& request);

// What each format is called in Content-Type.
std::string_view content_type(ListFormat format);

}  // namespace wellhead::resource
