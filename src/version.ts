/** The version of Dray, as package.json says it; compiled into the executable. */
import description from "../package.json" with { type: "json" };

export const VERSION: string = description.version;
