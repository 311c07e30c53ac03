// One typed table of routes is the source of everything: parsing, validation, answers to wrong methods, the OpenAPI
// document, and the labels of logs and metrics.
//
//   RouteTable table({.title = "…", .version = "…"});
//   table.add_schema({.name = "Run", .json = R"({"type": "object", …})"});
//   table.add({.path = "/runs/{id}", .operation_id = "get_run", .parameters = {…}, .responses = {…}, .handler =
//   get_run});
//
// Mistakes in the table (a parameter in the path that is not declared, a schema that is not there) throw
// Error{internal} when it is built, never while serving.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "library/webserver/access.h"
#include "library/webserver/arguments.h"
#include "library/webserver/http.h"
#include "library/webserver/task.h"

namespace wellhead::webserver {

// Called on the request's worker; must not block (see BlockingPool). A meta::Error thrown becomes problem+json.
using Handler = std::function<Task<Response>(Request)>;

// A named JSON Schema (2020-12), referred to as #/components/schemas/NAME.
struct Schema {
  std::string name;
  std::string json;
};

// The same answer in another form.
struct OtherContent {
  std::string content_type;
  std::string schema;   // JSON
  std::string example;  // JSON
};

struct ResponseSpec {
  int status = 200;
  std::string description;
  std::string schema;   // a name of add_schema; empty: no JSON body
  std::string example;  // JSON
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;  // name, description
  std::vector<OtherContent> others = {};
};

struct Route {
  Method method = Method::get;  // GET answers HEAD too
  std::string path;             // /patients/{id}
  std::string operation_id;
  std::string tag;
  std::string summary;
  std::string description;
  std::vector<Parameter> parameters;
  std::vector<ResponseSpec> responses;
  std::vector<int> problems;  // statuses of problem+json beside 400 and 406, which follow from the parameters
  bool documented = true;     // stands in the OpenAPI document
  Access access = Access::by_method;
  // Whether the handler keeps to the zip codes of request.principal, so that keys limited to some may call it.
  bool limited = false;
  // Whether the handler de-identifies for Role::deidentified.
  bool deidentified = false;
  // When it became, or becomes, something not to build on any more: the values of the headers Deprecation (RFC 9745:
  // @ and seconds since 1970) and Sunset (RFC 8594: a date as in HTTP). Empty: it is none.
  std::string deprecation = {};
  std::string sunset = {};
  Handler handler;

  bool has_body() const;
};

struct ApiDescription {
  std::string title;
  std::string version;
  std::string description;
  std::vector<std::pair<std::string, std::string>> tags;  // name, description
  // Every route is there below this path too ("/v1"), which is what the document tells clients to use; empty: no
  // versions.
  std::string version_path = {};
};

class RouteTable {
 public:
  explicit RouteTable(ApiDescription description);

  void add(Route route);
  void add(std::vector<Route> routes);
  void add_schema(Schema schema);

  const std::vector<std::unique_ptr<Route>>& routes() const { return routes_; }
  const std::vector<Schema>& schemas() const { return schemas_; }
  const ApiDescription& description() const { return description_; }

  struct Match {
    const Route* route = nullptr;  // nullptr: no such path, or not by this method
    RawValues path_values;
    std::vector<Method> allowed;  // of the path, when route is nullptr and the path exists
    bool malformed = false;       // a broken percent escape
  };
  Match match(Method method, std::string_view path) const;

 private:
  struct Entry {
    std::vector<std::string> segments;  // "{name}" takes any one segment
    const Route* route;
  };
  ApiDescription description_;
  std::vector<std::unique_ptr<Route>> routes_;
  std::vector<Entry> entries_;
  std::vector<Schema> schemas_;
};

// The OpenAPI 3.1 document of the table. Throws Error{internal} when a schema or example in it is no JSON.
std::string openapi_document(const RouteTable& table);

}  // namespace wellhead::webserver
