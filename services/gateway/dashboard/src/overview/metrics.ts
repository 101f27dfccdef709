/** The one place where each figure on the Overview is defined in words. */

export const METRICS = {
  totalSales: {
    label: "Total sales",
    definition:
      "Sum of order totals, with discounts, shipping and taxes as the shop charged them. Test orders and deleted orders are left out; cancelled orders count, as they do at Shopify.",
  },
  orders: {
    label: "Orders",
    definition:
      "Number of orders, counted on the day they were processed in the shop's time zone; an impossible date, before 1990 or after tomorrow, is on no day. Test orders and deleted orders are left out; orders worth 0 count.",
  },
  averageOrderValue: {
    label: "Average order value",
    definition: "Total sales divided by orders.",
  },
  customers: {
    label: "Customers",
    definition:
      "Customers the shop knows, with or without orders. Deleted customers are left out; guests without a customer record are not counted.",
  },
  topCustomers: {
    label: "Top customers",
    definition: "The five customers with the highest total sales over all time.",
  },
} as const;

export type Metric = keyof typeof METRICS;
