Feature: The entry for the users of all regions
  Its host, its paths, and the way from plain HTTP to HTTPS.

  @DA-GEO-LB
  Scenario: The balancer answers its own host only, and leads each path of it to the gateways
    When the deployed platform has been inspected
    Then every public listener of host "api.normaldance.com" answers every path by "api-gateway" and another host by 404

  @DA-GEO-TLS
  Scenario: Plain HTTP leads to HTTPS
    When the deployed platform has been inspected
    Then every public listener redirects 100 % of plain HTTP requests to HTTPS with a certificate that names the host
