// The OpenAPI document: every route is in it, every reference resolves, examples fit their schemas, and so do the
// answers of a running server.
#include <gmock/gmock.h>
#include <simdjson.h>

#include <set>

#include "service/api/routes.h"
#include "service/api/testing/api_fixture.h"

namespace wellhead::api {
namespace {

using simdjson::dom::element;
using ::testing::IsEmpty;
using webserver::testing::RawResponse;

std::string text(element value) { return std::string(value.get_string().value()); }

// What of JSON Schema the document uses; complains in words.
class Checker {
 public:
  explicit Checker(element document) : document_(document) {}

  void check(element schema, element value, const std::string& where) {
    element found;
    if (schema["$ref"].get(found) == simdjson::SUCCESS) return check(resolve(text(found)), value, where);
    if (schema["type"].get(found) == simdjson::SUCCESS && !is_of(found, value)) complain(where, "has another type");
    if (schema["enum"].get(found) == simdjson::SUCCESS && !contains(found, value))
      complain(where, "is none of the enum");
    if (value.is_object()) check_object(schema, value, where);
    if (value.is_array() && schema["items"].get(found) == simdjson::SUCCESS) {
      for (const element item : value.get_array()) check(found, item, where + "[]");
    }
  }

  // #/components/schemas/Run
  element resolve(const std::string& reference) {
    element found;
    if (!reference.starts_with("#/") || document_.at_pointer(reference.substr(1)).get(found) != simdjson::SUCCESS) {
      complain(reference, "does not resolve");
    }
    return found;
  }

  void complain(const std::string& where, const std::string& what) { complaints.push_back(where + " " + what); }

  std::vector<std::string> complaints;

 private:
  static bool is_of(element type, element value) {
    if (type.is_array()) {
      for (const element one : type.get_array()) {
        if (is_of(one, value)) return true;
      }
      return false;
    }
    const std::string name = text(type);
    if (name == "number") return value.is_number();
    if (name == "integer") return value.is_int64() || value.is_uint64();
    if (name == "string") return value.is_string();
    if (name == "boolean") return value.is_bool();
    if (name == "array") return value.is_array();
    if (name == "object") return value.is_object();
    return name == "null" && value.is_null();
  }

  static bool contains(element list, element value) {
    for (const element one : list.get_array()) {
      if (simdjson::minify(one) == simdjson::minify(value)) return true;
    }
    return false;
  }

  void check_object(element schema, element value, const std::string& where) {
    element properties;
    const bool described = schema["properties"].get(properties) == simdjson::SUCCESS;
    element more;
    const bool closed =
        schema["additionalProperties"].get(more) == simdjson::SUCCESS && more.is_bool() && !more.get_bool().value();
    for (const auto member : value.get_object()) {
      element property;
      if (described && properties[member.key].get(property) == simdjson::SUCCESS) {
        check(property, member.value, where + "." + std::string(member.key));
      } else if (closed) {
        complain(where, "has " + std::string(member.key) + ", which is not described");
      }
    }
    element required;
    if (schema["required"].get(required) != simdjson::SUCCESS) return;
    for (const element name : required.get_array()) {
      element present;
      if (value[text(name)].get(present) != simdjson::SUCCESS) complain(where, "lacks " + text(name));
    }
  }

  element document_;
};

class OpenApi : public testing::ApiTest {
 protected:
  OpenApi() : json_(openapi_document()), document_(parser_.parse(json_)), checker_(document_) {}

  simdjson::dom::parser parser_;
  std::string json_;
  element document_;
  Checker checker_;
};

void visit_references(element value, const std::function<void(const std::string&)>& found) {
  if (value.is_object()) {
    for (const auto member : value.get_object()) {
      if (member.key == "$ref" && member.value.is_string()) found(text(member.value));
      visit_references(member.value, found);
    }
  } else if (value.is_array()) {
    for (const element item : value.get_array()) visit_references(item, found);
  }
}

TEST_F(OpenApi, ResolvesEveryReference) {
  int references = 0;
  visit_references(document_, [&](const std::string& reference) {
    ++references;
    checker_.resolve(reference);
  });
  EXPECT_GT(references, 20);
  EXPECT_THAT(checker_.complaints, IsEmpty());
}

TEST_F(OpenApi, HasEveryRouteWithUniqueNamesAndDeclaredParameters) {
  storage::AsyncConnections connections;
  webserver::BlockingPool pool(0, 0);
  storage::ExportConnections exports(0);
  const auto table = make_routes({nullptr, connections, exports, pool});
  std::set<std::string> operations;
  for (const auto& route : table->routes()) {
    if (!route->documented) continue;
    element operation;
    const std::string method = route->method == webserver::Method::post  ? "post"
                               : route->method == webserver::Method::del ? "delete"
                                                                         : "get";
    ASSERT_EQ(document_["paths"][route->path][method].get(operation), simdjson::SUCCESS) << route->path;
    EXPECT_TRUE(operations.insert(text(operation["operationId"])).second) << route->operation_id;
    EXPECT_FALSE(text(operation["summary"]).empty()) << route->path;
    for (const element parameter : operation["parameters"].get_array()) {
      EXPECT_FALSE(text(parameter["description"]).empty()) << route->path << " " << text(parameter["name"]);
    }
  }
  EXPECT_EQ(operations.size(), 32U);
  EXPECT_EQ(testing::at(json_, "/openapi"), "\"3.1.0\"");
}

TEST_F(OpenApi, HasExamplesThatFitTheirSchemas) {
  int examples = 0;
  for (const auto path : document_["paths"].get_object()) {
    for (const auto operation : path.value.get_object()) {
      for (const auto response : operation.value["responses"].get_object()) {
        element reference;
        const element spec = response.value["$ref"].get(reference) == simdjson::SUCCESS
                                 ? checker_.resolve(text(reference))
                                 : response.value;
        for (const auto content : spec["content"].get_object()) {
          ++examples;
          checker_.check(content.value["schema"], content.value["example"],
                         std::string(path.key) + " " + std::string(response.key));
        }
      }
    }
  }
  EXPECT_GT(examples, 20);
  EXPECT_THAT(checker_.complaints, IsEmpty());
}

TEST_F(OpenApi, DescribesWhatTheServerAnswers) {
  testing::make_schema(connection_);
  testing::seed(connection_);
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"/zipcodes", "/zipcodes"},
      {"/zipcodes/02139", "/zipcodes/{zipcode}"},
      {"/zipcodes/02140", "/zipcodes/{zipcode}"},
      {"/runs", "/runs"},
      {"/runs/2", "/runs/{id}"},
      {"/runs/4", "/runs/{id}"},
      {"/patients?zipcode=02139&limit=1", "/patients"},
      {"/patients/smith", "/patients/{id}"},
      {"/patients/smith/observations", "/patients/{id}/observations"},
      {"/observations?patient_id=smith", "/observations"},
      {"/observations/o1", "/observations/{id}"},
      {"/health/live", "/health/live"},
      {"/health/ready", "/health/ready"},
      {"/runs/99", "/runs/{id}"},
      {"/patients?limit=0", "/patients"}};
  for (const auto& [target, path] : cases) {
    const RawResponse response = get(target);
    element spec = document_["paths"][path]["get"]["responses"][std::to_string(response.status)];
    element reference;
    if (spec["$ref"].get(reference) == simdjson::SUCCESS) spec = checker_.resolve(text(reference));
    simdjson::dom::parser parser;
    checker_.check(spec["content"][response.header("content-type")]["schema"], parser.parse(response.body), target);
  }
  EXPECT_THAT(checker_.complaints, IsEmpty());
}

TEST_F(OpenApi, IsServedWithADocsPageThatNeedsNoOtherServer) {
  EXPECT_EQ(get("/openapi.json").body, json_);
  const RawResponse page = get("/docs");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.header("content-type"), "text/html; charset=utf-8");
  EXPECT_EQ(page.body.find("http"), std::string::npos);
  for (std::size_t at = page.body.find("/docs/"); at != std::string::npos; at = page.body.find("/docs/", at + 1)) {
    const std::string file = page.body.substr(at, page.body.find('"', at) - at);
    const RawResponse plain = get(file);
    EXPECT_EQ(plain.status, 200) << file;
    EXPECT_EQ(plain.header("content-encoding"), "");
    const RawResponse packed = get(file, "Accept-Encoding: gzip, br\r\n");
    EXPECT_EQ(packed.status, 200) << file;
    EXPECT_EQ(packed.header("content-encoding") == "gzip", packed.body.starts_with("\x1f\x8b")) << file;
  }
  EXPECT_EQ(get("/docs/nothing.js").status, 404);
}

}  // namespace
}  // namespace wellhead::api
