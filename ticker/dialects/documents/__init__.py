"""The protocol as documents for programs: AsyncAPI 3 and OpenAPI 3.1, made from the types that the code uses. Pure."""
