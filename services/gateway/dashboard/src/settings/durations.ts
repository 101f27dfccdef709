/** Lengths of time as a person would say them. */

export function tookInWords(startedAt: string, finishedAt: string): string {
  const seconds = Math.max(0, Math.round((Date.parse(finishedAt) - Date.parse(startedAt)) / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** "24 hours", "3 days", "30 minutes". */
export function hoursInWords(hours: number): string {
  if (hours < 1) return counted(Math.max(1, Math.round(hours * 60)), "minute");
  return hours > 48 ? counted(Math.round(hours / 24), "day") : counted(Math.round(hours), "hour");
}

function counted(number: number, unit: string): string {
  return `${number} ${unit}${number === 1 ? "" : "s"}`;
}
