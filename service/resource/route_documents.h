// What the OpenAPI document says of a resource's routes, and what their parameters may be: all of it from the view.
// Internal to the routes.
#pragma once

#include <string>
#include <vector>

#include "library/webserver/route.h"
#include "service/resource/routes.h"

namespace wellhead::resource {

// Throws Error{invalid_view} when a filter's column has a type that nothing can be compared with.
std::vector<webserver::Parameter> list_parameters(const ResourceApi& api, bool below_patient);

std::string schema_name(const ResourceApi& api);
void add_schemas(const ResourceApi& api, webserver::RouteTable& table);

// Without their handlers.
webserver::Route list_route(const ResourceApi& api, std::string path, bool below_patient);
webserver::Route one_route(const ResourceApi& api);
webserver::Route raw_route(const ResourceApi& api);

}  // namespace wellhead::resource
